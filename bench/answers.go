package main

import (
	"encoding/json"
	"fmt"
)

// answer is any answer of a GraphQL workload.
type answer struct {
	Data struct {
		User *struct {
			person
			MemberOf struct{ Nodes []person }
		}
		Users           struct{ Nodes []person }
		Group           *struct{ Members struct{ Nodes []person } }
		CheckMembership []struct{ IsMember bool }
		Resolve         struct {
			Results []struct {
				Status string
				Users  struct{ Nodes []person }
			}
		}
	}
}

// person is what is looked at of a user or a group.
type person struct{ ID, UserName, Name, CreatedAt string }

func decode(body []byte) (*answer, error) {
	a := &answer{}
	return a, json.Unmarshal(body, a)
}

func (k *keys) checkUser(key int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	want := k.data.Users[k.users[key]]
	if u := a.Data.User; u == nil || u.ID != want.UID.String() || u.UserName != want.UserName || u.CreatedAt == "" {
		return fmt.Errorf("user %s: %.300s", want.UID, body)
	}
	return nil
}

// checkPage checks the page after the first users of the data set.
func (k *keys) checkPage(after int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	want := make([]int32, pageSize)
	for i := range want {
		want[i] = int32(after + i)
	}
	return k.checkPeople(want, a.Data.Users.Nodes)
}

func (k *keys) checkPeople(want []int32, got []person) error {
	if len(want) != len(got) {
		return fmt.Errorf("%d users instead of %d", len(got), len(want))
	}
	for i, user := range want {
		if u := &k.data.Users[user]; got[i].ID != u.UID.String() || got[i].UserName != u.UserName {
			return fmt.Errorf("user %d of the list is %s instead of %s", i, got[i].UserName, u.UserName)
		}
	}
	return nil
}

// members are the first users effectively in a group. Checks run side by side, so each makes its own room.
func (k *keys) members(group, first int) []int32 {
	k.mu.Lock()
	defer k.mu.Unlock()
	users, _ := k.expander.Members(nil, group, first)
	return users
}

func (k *keys) checkMembers(group int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	if a.Data.Group == nil {
		return fmt.Errorf("no group: %.300s", body)
	}
	return k.checkPeople(k.members(group, membersPage), a.Data.Group.Members.Nodes)
}

func (k *keys) checkCheck(key int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	if c := a.Data.CheckMembership; len(c) != 1 || c[0].IsMember != k.checks[key].is {
		return fmt.Errorf("%+v: %.300s", k.checks[key], body)
	}
	return nil
}

func (k *keys) checkPrincipals(key int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	k.mu.Lock()
	want := k.expander.Principals(nil, k.users[key])
	k.mu.Unlock()
	if a.Data.User == nil || len(a.Data.User.MemberOf.Nodes) != len(want) {
		return fmt.Errorf("not %d groups: %.300s", len(want), body)
	}
	for i, got := range a.Data.User.MemberOf.Nodes {
		if g := &k.data.Groups[want[i]]; got.ID != g.UID.String() || got.Name != g.Name {
			return fmt.Errorf("group %d of the list is %s instead of %s", i, got.Name, g.Name)
		}
	}
	return nil
}

func (k *keys) checkResolve(key int, body []byte) error {
	a, err := decode(body)
	if err != nil {
		return err
	}
	if len(a.Data.Resolve.Results) != resolved {
		return fmt.Errorf("not %d results: %.300s", resolved, body)
	}
	for i, result := range a.Data.Resolve.Results {
		if result.Status != "RESOLVED" {
			return fmt.Errorf("an FQN is %s", result.Status)
		}
		if err := k.checkPeople(k.members(k.sets[key][i], resolvedUsers), result.Users.Nodes); err != nil {
			return err
		}
	}
	return nil
}
