package dataset

import (
	"encoding/csv"
	"os"
	"path/filepath"
)

// Export writes the data set as CSV files, to be loaded into other servers: users.csv, groups.csv, memberships.csv (a
// user in a group) and nestings.csv (a group in a group). The first row names the columns.
func (d *Data) Export(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	files := []struct {
		name string
		rows func(add func(...string) error) error
	}{
		{"users.csv", d.exportUsers},
		{"groups.csv", d.exportGroups},
		{"memberships.csv", d.exportMemberships},
		{"nestings.csv", d.exportNestings},
	}
	for _, file := range files {
		if err := writeCSV(filepath.Join(dir, file.name), file.rows); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(path string, rows func(add func(...string) error) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() {
		if closed := file.Close(); err == nil {
			err = closed
		}
	}()
	w := csv.NewWriter(file)
	if err := rows(func(row ...string) error { return w.Write(row) }); err != nil {
		return err
	}
	w.Flush()
	return w.Error()
}

func (d *Data) exportUsers(add func(...string) error) error {
	if err := add("id", "userName", "externalId", "givenName", "familyName", "displayName", "title", "fqn"); err != nil {
		return err
	}
	for i := range d.Users {
		u := &d.Users[i]
		if err := add(u.UID.String(), u.UserName, u.ExternalID(), u.Given, u.Family, u.Display, u.Title, u.FQN()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Data) exportGroups(add func(...string) error) error {
	if err := add("id", "name", "externalId", "fqn"); err != nil {
		return err
	}
	for i := range d.Groups {
		g := &d.Groups[i]
		if err := add(g.UID.String(), g.Name, g.ExternalID(), g.FQN()); err != nil {
			return err
		}
	}
	return nil
}

func (d *Data) exportMemberships(add func(...string) error) error {
	if err := add("group", "user"); err != nil {
		return err
	}
	for i := range d.Groups {
		for _, u := range d.Groups[i].Users {
			if err := add(d.Groups[i].UID.String(), d.Users[u].UID.String()); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Data) exportNestings(add func(...string) error) error {
	if err := add("group", "nested"); err != nil {
		return err
	}
	for i := range d.Groups {
		for _, child := range d.Groups[i].Groups {
			if err := add(d.Groups[i].UID.String(), d.Groups[child].UID.String()); err != nil {
				return err
			}
		}
	}
	return nil
}
