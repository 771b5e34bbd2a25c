package syncer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
	"github.com/roster-gateway/roster/scim/filter"
	"github.com/roster-gateway/roster/scim/schema"
)

// The configuration keys that every synchronized instance takes beside its connector's own.
const (
	keyFilterUsers  = "filter.users"
	keyFilterGroups = "filter.groups"
	keyFilterAllow  = "filter.allow"

	keyMaxDeletePercent = "guard.maxDeletePercent"
	keyMaxDeleteCount   = "guard.maxDeleteCount"
	keyMaxUnlinkPercent = "guard.maxUnlinkPercent"
	keyMaxUnlinkCount   = "guard.maxUnlinkCount"
	keyMaxRenamePercent = "guard.maxRenamePercent"
	keyMaxRenameCount   = "guard.maxRenameCount"
)

// ConfigKeys are the keys that every synchronized instance takes.
func ConfigKeys() []directory.ConfigKey {
	keys := []directory.ConfigKey{
		{Key: keyMaxDeletePercent, Description: "The largest share of the instance's identities, in percent, that one run may delete or disable without approval; 20 where it is not set.", Check: percent},
		{Key: keyMaxDeleteCount, Description: "The largest number of identities that one run may delete or disable without approval; 500 where it is not set. What is reached first counts, and never less than 5.", Check: count},
		{Key: keyMaxUnlinkPercent, Description: "The largest share of the instance's links, in percent, that one run may remove without approval; 30 where it is not set.", Check: percent},
		{Key: keyMaxUnlinkCount, Description: "The largest number of links that one run may remove without approval; 5000 where it is not set. What is reached first counts, and never less than 5.", Check: count},
		{Key: keyMaxRenamePercent, Description: "The largest share of the instance's identities, in percent, that one run may rename without approval; 50 where it is not set.", Check: percent},
		{Key: keyMaxRenameCount, Description: "The largest number of identities that one run may rename without approval; 5000 where it is not set. What is reached first counts, and never less than 5.", Check: count},
		{Key: keyFilterUsers, Description: `The users that are taken over, as a SCIM filter over their attributes, such as userType eq "Member"; all where it is not set.`, Check: checkFilter(directory.KindUser), Reevaluates: true},
		{Key: keyFilterGroups, Description: `The groups that are taken over, as a SCIM filter, such as displayName sw "Team"; all where it is not set.`, Check: checkFilter(directory.KindGroup), Reevaluates: true},
		directory.KeepResolvingKey(),
		{Key: keyFilterAllow, Description: "Names that are taken over whatever the filters say: FQNs separated by commas.", Reevaluates: true},
	}
	for _, of := range []struct{ kind, fields string }{{"user", "displayName email description"}, {"group", "email description"}} {
		for _, field := range strings.Fields(of.fields) {
			keys = append(keys, directory.ConfigKey{
				Key:         "map." + of.kind + "." + field,
				Description: fmt.Sprintf("The attribute that a %s's %s is taken from, such as mailNickname or name.familyName.", of.kind, field),
				Check:       attributePath, Reevaluates: true,
			})
		}
	}
	return keys
}

// rules are the settings of an instance that decide what becomes of what its source tells.
type rules struct {
	instance *directory.Instance
	// mapped are the attributes that fields are taken from instead of the usual ones.
	mapped  map[directory.IdentityKind]map[string]string
	filters map[directory.IdentityKind]*filter.Filter
	allow   map[string]bool // folded FQNs
}

func rulesOf(i *directory.Instance) (*rules, error) {
	r := &rules{
		instance: i, mapped: map[directory.IdentityKind]map[string]string{}, filters: map[directory.IdentityKind]*filter.Filter{},
		allow: map[string]bool{},
	}
	for key, value := range i.Config {
		for prefix, kind := range map[string]directory.IdentityKind{"map.user.": directory.KindUser, "map.group.": directory.KindGroup} {
			if field, ok := strings.CutPrefix(key, prefix); ok {
				if r.mapped[kind] == nil {
					r.mapped[kind] = map[string]string{}
				}
				r.mapped[kind][field] = value
			}
		}
	}
	for key, kind := range map[string]directory.IdentityKind{keyFilterUsers: directory.KindUser, keyFilterGroups: directory.KindGroup} {
		if value := i.Config[key]; value != "" {
			f, err := parseFilter(kind, value)
			if err != nil {
				return nil, fmt.Errorf("%s cannot be used: %w", key, err)
			}
			r.filters[kind] = f
		}
	}
	for name := range strings.SplitSeq(i.Config[keyFilterAllow], ",") {
		if name = strings.TrimSpace(name); name != "" {
			r.allow[directory.FoldKey(name)] = true
		}
	}
	return r, nil
}

// inScope reports whether the filters let an identity in.
func (r *rules) inScope(kind directory.IdentityKind, name string, o object) bool {
	f := r.filters[kind]
	return f == nil || f.Match(o) || r.allow[directory.FoldKey(r.instance.PlainFQN(kind, name))]
}

// Reevaluate makes the change set that brings identities up to date with the filters and the attribute map of their
// instance, for [directory.Directory.Reevaluate].
func Reevaluate(i *directory.Instance, records []*directory.Record) (directory.Changes, error) {
	changes := directory.Changes{Instance: i, Action: "sync.reevaluate"}
	r, err := rulesOf(i)
	if err != nil {
		return changes, err
	}
	for _, known := range records {
		if known.ExternalID == nil || known.StatusReason != nil && *known.StatusReason == softlyRemoved {
			continue
		}
		staged := r.stage(0, connector.Identity{Kind: known.Kind, Key: *known.ExternalID}, objectOf(known))
		if staged.Record == nil || len(directory.ChangedProperties(known, staged.Record)) == 0 && deref(known.StatusReason) == deref(staged.Record.StatusReason) {
			continue
		}
		put := putOfRecord(staged.Record)
		put.UID, put.IfVersion = known.UID, known.Version
		changes.Put = append(changes.Put, put)
	}
	return changes, nil
}

func parseFilter(kind directory.IdentityKind, text string) (*filter.Filter, error) {
	e, err := filter.Parse(text)
	if err != nil {
		return nil, err
	}
	urn := schema.UserURN
	if kind == directory.KindGroup {
		urn = schema.GroupURN
	}
	types := schema.Default().ResourceTypes
	at := slices.IndexFunc(types, func(t *schema.ResourceType) bool { return t.Schema == urn })
	return filter.Bind(e, types[at])
}

func checkFilter(kind directory.IdentityKind) func(string) error {
	return func(value string) error {
		_, err := parseFilter(kind, value)
		return err
	}
}

func percent(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 0 || n > 100 {
		return fmt.Errorf("a whole number from 0 to 100 is expected")
	}
	return nil
}

func count(value string) error {
	if n, err := strconv.Atoi(value); err != nil || n < 0 {
		return fmt.Errorf("a whole number from 0 on is expected")
	}
	return nil
}

func attributePath(value string) error {
	for name := range strings.SplitSeq(value, ".") {
		if name == "" || strings.ContainsAny(name, " []\"") {
			return fmt.Errorf("the name of an attribute is expected, or several with dots between them, such as name.familyName")
		}
	}
	return nil
}
