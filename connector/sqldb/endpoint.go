package sqldb

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// endpoint is where a database is, and who signs in. It is read from a URL by ourselves, and the drivers are told its parts:
// in a connection string of theirs there are files to read, sockets to open, and variables of the environment that say the rest.
type endpoint struct {
	host                     string
	port                     uint16
	user, password, database string
	// encrypted and verified say whether TLS is spoken, and whether the certificate counts; strict is TDS 8.0.
	encrypted, verified, strict bool
	// tls is how TLS is spoken; nil where it is not.
	tls *tls.Config
}

// connectionURL takes what may be the URL of a database, whichever.
func connectionURL(value string) error {
	scheme, _, found := strings.Cut(value, "://")
	for _, d := range dialects {
		if found && slices.Contains(d.schemes, scheme) {
			_, err := d.endpoint(value)
			return err
		}
	}
	return errors.New("a URL is expected that begins with postgres://, mysql:// or sqlserver://")
}

// endpoint reads a URL. Its errors hold nothing of it but the names of parameters.
func (d *dialect) endpoint(text string) (endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Opaque != "" || u.Fragment != "" {
		return endpoint{}, fmt.Errorf("it is no URL such as %s; characters of the password that mean something in a URL are written as %%40 and the like", d.example)
	}
	if !slices.Contains(d.schemes, u.Scheme) {
		return endpoint{}, fmt.Errorf("for %s it begins with %s://", keyDriver, d.schemes[0])
	}
	e := endpoint{host: u.Hostname(), port: d.port, user: u.User.Username(), database: strings.TrimPrefix(u.Path, "/"), encrypted: true, verified: true}
	e.password, _ = u.User.Password()
	switch {
	case e.host == "" || strings.ContainsAny(e.host, `/\,@ `):
		return endpoint{}, fmt.Errorf("it names no host; a database is reached over the network, as in %s", d.example)
	case e.user == "":
		return endpoint{}, fmt.Errorf("it names no user, as %s does", d.example)
	}
	if port := u.Port(); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return endpoint{}, errors.New("its port has to be a number from 1 to 65535")
		}
		e.port = uint16(n)
	}
	parameters, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return endpoint{}, errors.New("what follows the question mark cannot be read")
	}
	for name, values := range parameters {
		name = strings.ToLower(name)
		set, known := d.parameters[name]
		switch {
		case !known:
			return endpoint{}, fmt.Errorf("it sets %.40q, which is not taken; what may be set is %s", name, d.parameterNames())
		case len(values) != 1 || !set(&e, values[0]):
			return endpoint{}, fmt.Errorf("%s cannot be that; %s", name, d.parameterHelp)
		}
	}
	if e.database == "" || strings.Contains(e.database, "/") {
		return endpoint{}, fmt.Errorf("it names no database, as %s does", d.example)
	}
	return e, nil
}

func (d *dialect) parameterNames() string {
	var names []string
	for name := range d.parameters {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}
