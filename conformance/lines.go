package main

// line is one thing that a server of SCIM or of GraphQL over HTTP has to do, and the tests that show it.
type line struct {
	group, says string
	// tests are named by package folder and function.
	tests []string
}

// in names tests of one package.
func in(folder string, names ...string) []string {
	for i, name := range names {
		names[i] = folder + "." + name
	}
	return names
}

// lines are what RFC 7643, RFC 7644 and RFC 9865 ask for, what provisioning clients send beyond them, what targets
// need of a server that stands in for them, and what GraphQL over HTTP asks for.
var lines = []line{
	{"URLs", "the bearer token names the instance at /scim/v2", in("scim", "TestAddresses", "TestI1InstancesSeeNothingOfEachOther")},
	{"URLs", "/tokens/{token}/scim/v2 and the short form name it too, and need the bearer besides", in("scim", "TestAddresses", "TestA1NobodyIsLetIntoSCIMWithoutAToken", "TestConversation_Entra")},
	{"URLs", "neither token is logged", in("scim", "TestNothingLeaks", "TestProvisioningLogHoldsNoSecret")},
	{"URLs", "resource names in any case; a trailing ? or & is ignored", in("scim", "TestAddresses", "TestPaging")},
	{"URLs", "query parameters that are not known are ignored", in("scim", "TestEntraTestConnection", "TestPaging")},
	{"URLs", "methods that an address does not take are 405 with Allow", in("scim", "TestMethods")},
	{"URLs", "POST .search, of one type and of all", in("scim", "TestSearch", "TestSearchOverAllTypes")},
	{"URLs", "/Me, for tokens that stand for somebody", in("scim", "TestMe", "TestMeIsTheTokensSubject")},
	{"URLs", "ServiceProviderConfig, Schemas and ResourceTypes describe what there is", in("scim", "TestServiceProviderConfig", "TestDiscoveryDescribesItself")},
	{"URLs", "resource types and extensions are data: one from files does all that User does", in("scim", "TestConformance", "TestConformanceTypes", "TestConformanceSort",
		"TestConformanceSortOfTypes", "TestConformanceDiscovery", "TestConformanceWorkedExample", "TestConformanceBulk")},
	{"URLs", "every characteristic of an attribute is kept to", in("scim", "TestConformanceWrongValues", "TestConformanceMutability", "TestConformanceImmutableCrowd",
		"TestConformanceReturned", "TestConformanceUniqueness", "TestConformanceRequired", "TestConformanceStoredIsReadBack", "TestConformanceConcurrentCreates",
		"TestUniqueValuesAreExchanged", "TestConformanceMadeUnique", "TestConformanceChangedFiles", "TestConformanceTextsAreFound")},

	{"Filters", "the whole grammar, in any nesting", in("scim/filter", "TestParse", "TestParsePath", "TestStringIsReadBack")},
	{"Filters", "the database answers as the definition of each operator does", append(in("scim", "TestFiltersAreAnsweredAsInMemory"), in("scim/filter", "TestMatch", "TestEqualities")...)},
	{"Filters", "another implementation selects the same resources", in("scim", "TestPeer_Filters")},
	{"Filters", "compiled to bound arguments; LIKE's characters are literal", append(in("scim/filter", "TestCompile"), in("scim", "TestS4FiltersAreLiteral")...)},
	{"Filters", "case by attribute; ne and not hold for an absent attribute; a list stands for its value", in("scim/filter", "TestMatch", "TestCompile")},
	{"Filters", "escapes and surrogate pairs are decoded", in("scim/filter", "TestParse", "TestS2ParseRefuses")},
	{"Filters", "True, False and words without quotes are literals", in("scim/filter", "TestParse")},
	{"Filters", "what is malformed or not supported is 400 invalidFilter", append(in("scim/filter", "TestS2ParseRefuses", "TestUnanswerableFiltersAreRefused"), in("scim", "TestS2BadFilters")...)},
	{"Filters", "length and depth are bounded before parsing, and hostile ones refused at once", append(in("scim/filter", "TestParseLimits"), in("scim", "TestS1HostileFiltersAreRefusedFast")...)},
	{"Filters", "what clients ask for all the time is found by an index", in("store", "TestReadsUseIndexes", "TestWritesUseIndexes", "TestCustomReadsUseIndexes")},

	{"PATCH", "all operations or none", in("scim", "TestPatchIsAtomic")},
	{"PATCH", "memberships as sets, without loading the group", in("scim", "TestStatements", "TestConcurrentMemberChanges")},
	{"PATCH", "204 unless a body was asked for", in("scim", "TestPatchAnswers")},
	{"PATCH", "read-only attributes are refused or ignored", append(in("scim/patch", "TestApplyRefuses"), in("scim", "TestUserGroups")...)},
	{"PATCH", "one primary value; several operations on one new element make one element", append(in("scim/patch", "TestApply", "TestApplyLaws"), in("scim", "TestEntraPatchForms")...)},
	{"PATCH", "a value path that matches nothing makes the element, or is noTarget", in("scim/patch", "TestApply", "TestApplyRefuses")},
	{"PATCH", "another implementation comes to the same resource", in("scim", "TestPeer_Patch")},

	{"Semantics", "ETag in header and meta.version; If-Match 412, If-None-Match 304", in("scim", "TestS12Versions", "TestLinksAreVersioned", "TestOneOfSeveralWriters")},
	{"Semantics", "bulk, with references forward, in circles, and failOnErrors", in("scim", "TestBulk", "TestBulkReferences", "TestBulkCircles", "TestBulkFailures", "TestBulkFailOnErrors", "TestS11BulkLimits", "TestBulkGraphs")},
	{"Semantics", "paging by index in a stable order", in("scim", "TestPaging", "TestPageSizes")},
	{"Semantics", "paging by cursor (RFC 9865)", in("scim", "TestCursors", "TestCursorsAreStable")},
	{"Semantics", "sorting", in("scim", "TestSort")},
	{"Semantics", "attributes and excludedAttributes", in("scim", "TestProjection")},
	{"Semantics", "user.groups is current and read-only; a deleted user is in no group", in("scim", "TestUserGroups", "TestConversation_Entra")},
	{"Semantics", "a deleted userName can be created again, with a new id", in("scim", "TestCreateGetReplaceDeleteUser", "TestConversation_Entra")},
	{"Semantics", "of concurrent creates of one userName one wins", in("scim", "TestConcurrentCreates")},
	{"Semantics", "concurrent changes of members are never lost", in("scim", "TestConcurrentMemberChanges", "TestConcurrentPatches", "TestCrowd")},
	{"Semantics", "externalId is opaque, and never compared with ids", in("scim", "TestI3ExternalIDIsOpaque")},
	{"Semantics", "a password is accepted, never stored, never returned", in("scim", "TestNothingLeaks", "TestOktaUsers", "TestProvisioningLogHoldsNoSecret")},
	{"Semantics", "application/scim+json or application/json; other types are 415", in("scim", "TestMediaTypes", "TestOtherClients")},
	{"Semantics", "errors have the error schema, with status a string; 401 has WWW-Authenticate", in("scim", "TestProblemOf", "TestA1NobodyIsLetIntoSCIMWithoutAToken", "TestGolden")},
	{"Semantics", "limits are numbers, and no URI is empty", in("scim", "TestServiceProviderConfig")},
	{"Semantics", "bodies that are too large, too deep or broken are refused", in("scim", "TestBodyLimits", "TestHostileBodies", "TestHostileIDs")},
	{"Semantics", "the examples of the RFCs are answered as they say", in("scim", "TestGolden", "TestExamples")},
	{"Semantics", "what the public test suites look at, attribute by attribute, of every type", in("scim", "TestSuite")},
	{"Semantics", "another implementation reads what is sent, and knows the same schemas", in("scim", "TestPeer_Schemas")},

	{"Entra ID", "Test Connection: a filter that finds nobody", in("scim", "TestEntraTestConnection")},
	{"Entra ID", "Add, Replace, Remove; booleans as texts; single values as lists; keys with dots, URNs and value paths", in("scim", "TestEntraPatchForms")},
	{"Entra ID", "a manager as a text, an object, a list; cleared by an empty text", in("scim", "TestEntraPatchForms", "TestManager")},
	{"Entra ID", "members removed in two forms: those, not all", in("scim", "TestEntraMembers")},
	{"Entra ID", "members created moments ago; unknown ones are ignored and logged, or refused", in("scim", "TestEntraMembers", "TestUnknownMembers", "TestProvisioningLogTellsUnknownMembers")},
	{"Entra ID", "its filters, and excludedAttributes=members", in("scim", "TestEntraFilters")},
	{"Entra ID", "inactive users are returned; a second DELETE is 404", in("scim", "TestEntraCreates", "TestActive")},
	{"Entra ID", "nulls, empty lists, meta, unknown URNs and misspelt attributes are ignored; no User-Agent", in("scim", "TestEntraCreates")},
	{"Entra ID", "its conversation: test, first cycle, incremental cycles, disable, restore, rename, churn, delete", in("scim", "TestConversation_Entra")},

	{"Okta", "users: the look at first, POST with password and groups, conflict, whole PUTs, PATCH without a path", in("scim", "TestOktaUsers")},
	{"Okta", "groups: rename with id in the value, removes mixed with adds, the whole list, PUT; a former name is free", in("scim", "TestOktaGroups", "TestOktaARenamedGroupsOldNameIsFree")},
	{"Okta", "its conversation: assignments, profile pushes, group pushes, deactivation", in("scim", "TestConversation_Okta")},

	{"Others", "OneLogin, Google, JumpCloud, Bitwarden, Authentik", in("scim", "TestOtherClients")},
	{"Others", "Ping: filters beyond ASCII", in("scim", "TestPingFiltersBeyondASCII")},
	{"Others", "Kno2fy and Keepnet: attributes that an instance requires", in("scim", "TestRequiredAttributes", "TestProvisioningLog")},
	{"Others", "e-mail domains that an instance takes", in("scim", "TestEmailDomains")},

	{"Safety", "16 clients at once: no request fails, no member is lost, nobody is there twice, all doors agree", in("scim", "TestCrowd")},
	{"Safety", "a disabled instance is refused at once; tokens reach their own instance alone", in("scim", "TestDisabledInstance", "TestI1InstancesSeeNothingOfEachOther")},
	{"Safety", "every write and every refusal is in the provisioning log, and no secret", in("scim", "TestProvisioningLog", "TestProvisioningLogHoldsNoSecret")},
	{"Safety", "a flood is never held up by its log", in("directory", "TestFloodDoesNotBlock", "TestStrangersCrowdNobodyOut", "TestEventsOutliveTrouble")},
	{"Safety", "access tokens of an OpenID issuer are taken under /tokens/ alone, forged and foreign ones nowhere", append(in("access", "TestIssuersTokensOpenSCIM", "TestIssuersScopeIsNeeded",
		"TestA5ForgedTokens", "TestA6WrongClaims", "TestA8KeysCannotBeFetched", "TestA8FetchesAreFew", "TestA9KeyRotation"), in("scim", "TestIssuersTokenNeedsATenantURL")...)},
	{"Safety", "refreshed tokens are on disk before they are used, and nothing is left when consent has run out", in("internal/signin", "TestRefreshedTokensAreOnDiskBeforeUse", "TestTwoAtOnceRefreshOnce", "TestEndOfConsentLeavesNothing")},
	{"Safety", "what an instance maps is what the directory shows, and nothing of what clients read", in("scim", "TestAttributeMap", "TestAttributeMapIsChecked")},

	{"GraphQL", "all 61 public audits of GraphQL over HTTP pass", in("internal/command", "TestMeasured5GraphQLOverHTTPAudits")},

	{"Simulators", "Microsoft's client walks the delta queries of the Graph simulator to the truth", in("internal/sim/graph", "TestPeer_Walk")},
}
