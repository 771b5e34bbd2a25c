package scim_test

import (
	"strings"
	"testing"
)

// bjensen is the user of RFC 7643 section 8.3, as a client sends it.
const bjensen = `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"externalId":"701984","userName":"bjensen@example.com",
	"name":{"formatted":"Ms. Barbara J Jensen, III","familyName":"Jensen","givenName":"Barbara","middleName":"Jane","honorificPrefix":"Ms.","honorificSuffix":"III"},
	"displayName":"Babs Jensen","nickName":"Babs","profileUrl":"https://login.example.com/bjensen",
	"emails":[{"value":"bjensen@example.com","type":"work","primary":true},{"value":"babs@jensen.org","type":"home"}],
	"addresses":[{"streetAddress":"100 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US",
		"formatted":"100 Universal City Plaza\nHollywood, CA 91608 US","type":"work","primary":true},
		{"streetAddress":"456 Hollywood Blvd","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US",
		"formatted":"456 Hollywood Blvd\nHollywood, CA 91608 US","type":"home"}],
	"phoneNumbers":[{"value":"555-555-5555","type":"work"},{"value":"555-555-4444","type":"mobile"}],
	"ims":[{"value":"someaimhandle","type":"aim"}],
	"photos":[{"value":"https://photos.example.com/profilephoto/72930000000Ccne/F","type":"photo"},{"value":"https://photos.example.com/profilephoto/72930000000Ccne/T","type":"thumbnail"}],
	"userType":"Employee","title":"Tour Guide","preferredLanguage":"en-US","locale":"en-US","timezone":"America/Los_Angeles","active":true,"password":"t1meMa$heen",
	"x509Certificates":[{"value":"MIIBszCCARygAwIBAgIBATANBgkq"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"701984","costCenter":"4130","organization":"Universal Studios",
		"division":"Theme Park","department":"Tour Operations","manager":{"value":"(boss)"}}}`

// TestExamples answers the examples of RFC 7643 section 8 and of RFC 7644 sections 3.4 to 3.6. The golden files hold what
// was sent and what came back.
func TestExamples(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]func(e *exchange){
		"example_resources": func(e *exchange) { // RFC 7643 sections 8.1 to 8.4
			boss := e.do("POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"jsmith@example.com","displayName":"John Smith"}`).text("id")
			user := e.do("POST", "/Users", strings.ReplaceAll(bjensen, "(boss)", boss)).text("id")
			mandy := e.w.user("mandy@example.com")
			group := e.do("POST", "/Groups", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Tour Guides",
				"members":[{"value":"`+user+`","$ref":"https://example.com/v2/Users/`+user+`","display":"Babs Jensen"},{"value":"`+mandy+`","display":"Mandy Pepperidge"}]}`).text("id")
			e.names = map[string]string{boss: "(jsmith)", user: "(bjensen)", mandy: "(mandy)", group: "(group)"}
			e.do("GET", "/Users/"+user, "")
			e.do("GET", "/Groups/"+group, "")
		},
		"example_queries": func(e *exchange) { // RFC 7644 sections 3.4.2 and 3.4.2.2
			boss := e.w.user("jsmith@example.com")
			user := e.w.post("/Users", strings.ReplaceAll(bjensen, "(boss)", boss)).is(201).text("id")
			e.names = map[string]string{boss: "(jsmith)", user: "(bjensen)"}
			e.do("GET", "/Users?attributes=userName", "")
			e.do("GET", "/Users?startIndex=1&count=1&attributes=userName", "")
			for _, filter := range []string{
				`userName eq "bjensen@example.com"`, `name.familyName co "O'Malley"`, `userName sw "J"`, `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
				`title pr`, `meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified lt "2011-05-13T04:42:34Z"`, `title pr and userType eq "Employee"`,
				`title pr or userType eq "Intern"`, `schemas eq "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`,
				`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`,
				`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`,
				`userType eq "Employee" and (emails.type eq "work")`, `userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`,
				`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`,
			} {
				e.out.WriteString("# " + filter + "\n")
				e.do("GET", "/Users?attributes=userName&filter="+escape(filter), "")
			}
		},
		"example_patches": func(e *exchange) { // RFC 7644 section 3.5.2
			boss := e.w.user("jsmith@example.com")
			user := e.w.post("/Users", strings.ReplaceAll(bjensen, "(boss)", boss)).is(201).text("id")
			james := e.w.user("james@example.com")
			group := e.w.group("Tour Guides", user)
			e.names = map[string]string{boss: "(jsmith)", user: "(bjensen)", james: "(james)", group: "(group)"}
			patch := func(path string, operations ...string) {
				e.do("PATCH", path, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[`+strings.Join(operations, ",")+`]}`)
			}
			members := "/Groups/" + group + "?attributes=members"
			patch(members, `{"op":"add","path":"members","value":[{"display":"James Smith","$ref":"/Users/`+james+`","value":"`+james+`"}]}`)
			patch("/Users/"+user+"?attributes=emails,nickName", `{"op":"add","value":{"emails":[{"value":"babs@example.org","type":"other"}],"nickName":"Barb"}}`)
			patch(members, `{"op":"remove","path":"members[value eq \"`+user+`\"]"}`)
			patch(members, `{"op":"remove","path":"members"}`)
			patch("/Users/"+user+"?attributes=emails", `{"op":"remove","path":"emails[type eq \"work\" and value ew \"example.com\"]"}`)
			patch(members, `{"op":"add","path":"members","value":[{"value":"`+user+`"}]}`)
			patch(members, `{"op":"remove","path":"members[value eq \"`+user+`\"]"}`, `{"op":"add","path":"members","value":[{"display":"James Smith","$ref":"/Users/`+james+`","value":"`+james+`"}]}`)
			patch(members, `{"op":"replace","path":"members","value":[{"display":"Babs Jensen","value":"`+user+`"},{"display":"James Smith","value":"`+james+`"}]}`)
			patch("/Users/"+user+"?attributes=addresses", `{"op":"replace","path":"addresses[type eq \"work\"]","value":{"type":"work","streetAddress":"911 Universal City Plaza","locality":"Hollywood","region":"CA","postalCode":"91608","country":"US","primary":true}}`)
			patch("/Users/"+user+"?attributes=addresses.streetAddress", `{"op":"replace","path":"addresses[type eq \"work\"].streetAddress","value":"1010 Broadway Ave"}`)
			patch("/Users/"+user+"?attributes=emails,nickName", `{"op":"replace","value":{"emails":[{"value":"bjensen@example.com","type":"work","primary":true},{"value":"babs@jensen.org","type":"home"}],"nickName":"Babs"}}`)
		},
		"example_errors": func(e *exchange) { // RFC 7644 section 3.12, one of each kind that we give
			user := e.w.user("bjensen@example.com")
			e.names = map[string]string{user: "(bjensen)"}
			e.do("GET", "/Users?filter="+escape(`userName eq`), "")
			e.do("POST", "/Users", `{"userName":"BJensen@example.com"}`)
			e.do("PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"id","value":"x"}]}`)
			e.do("POST", "/Users", `{"displayName":"Babs"}`)
			e.do("PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"emails[","value":"x"}]}`)
			e.do("PATCH", "/Users/"+user, `{"Operations":[{"op":"remove"}]}`)
			e.do("PATCH", "/Users/"+user, `{"Operations":[{"op":"replace","path":"active","value":"perhaps"}]}`)
			e.do("PATCH", "/Users/"+user, `{"Operations":[{"op":"move","path":"title"}]}`)
			e.do("GET", "/Users/2819c223-7f76-453a-919d-413861904646", "")
			e.do("PUT", "/Users/"+user, `{"userName":"bjensen@example.com"}`, `If-Match: W/"99"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := &exchange{w: newWorld(t), names: map[string]string{}}
			script(e)
			e.check(name)
		})
	}
}
