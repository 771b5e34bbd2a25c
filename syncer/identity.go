package syncer

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/roster-gateway/roster/connector"
	"github.com/roster-gateway/roster/directory"
)

// SyncIdentity reads one user or group from its source, by the source's id or by its FQN, and takes it over with its links
// (rule R19). Nobody is deleted by it: that takes a run.
func (s *Service) SyncIdentity(ctx context.Context, provider, instance string, externalID, fqn *string) (directory.Identity, error) {
	if (externalID == nil) == (fqn == nil) {
		return nil, directory.BadInput("externalId", "Exactly one of externalId and fqn is expected.")
	}
	i, err := s.liveInstance(ctx, provider, instance)
	if err != nil {
		return nil, err
	}
	r := &round{s: s, instance: i}
	if r.rules, err = rulesOf(i); err != nil {
		return nil, directory.Clash("", "instance", "%s", err)
	}
	if r.source, err = s.open(ctx, i); err != nil {
		return nil, sourceError(err)
	}
	page, err := r.lookUp(ctx, externalID, fqn)
	if err != nil {
		return nil, sourceError(err)
	}
	if page == nil || len(page.Identities) == 0 || page.Identities[0].Removal != connector.Present {
		return nil, directory.NotFound("", "The source has no such user or group now. One that was deleted there is taken over by the next run.")
	}
	return r.takeOver(ctx, page)
}

// sourceError tells a caller what is wrong with a source.
func sourceError(err error) error {
	source := connector.AsError(err)
	if source == nil {
		return err
	}
	return &directory.Error{Code: directory.CodeUnavailable, Message: source.Message, Cause: source.Cause}
}

// lookUp finds one identity at the source: of the kind that it has here, else as a user, else as a group.
func (r *round) lookUp(ctx context.Context, externalID, fqn *string) (*connector.Page, error) {
	key, name := deref(externalID), ""
	kinds := []directory.IdentityKind{directory.KindUser, directory.KindGroup}
	if fqn != nil {
		prefix := r.instance.PlainFQN(directory.KindUser, "")
		if len(*fqn) <= len(prefix) || directory.FoldKey((*fqn)[:len(prefix)]) != directory.FoldKey(prefix) {
			return nil, directory.BadInput("fqn", "The FQNs of this instance begin with %s.", prefix)
		}
		name = (*fqn)[len(prefix):]
		known, err := r.s.people.Reader().ByFQN(ctx, *fqn)
		if err != nil {
			return nil, err
		}
		if known != nil && known.Base().InstanceID == r.instance.ID && known.Base().ExternalID != nil {
			key, name, kinds = *known.Base().ExternalID, "", []directory.IdentityKind{known.Base().Kind}
		}
	}
	for _, kind := range kinds {
		page, err := r.source.Lookup(ctx, kind, key, name)
		if page != nil || err != nil {
			return page, err
		}
	}
	return nil, nil
}

// takeOver changes the directory to what a page tells about its one identity.
func (r *round) takeOver(ctx context.Context, page *connector.Page) (directory.Identity, error) {
	told := page.Identities[0]
	staged := r.rules.stage(1, told, merge(nil, told.Attributes))
	if staged.Problem != nil {
		return nil, directory.BadInput("", "%s", staged.Problem.Message)
	}
	key := IdentityRef{told.Kind, told.Key}
	stored, err := r.stored(ctx, []IdentityRef{key})
	if err != nil {
		return nil, err
	}
	known := stored[key]
	if known == nil && !staged.Scope {
		return nil, directory.Clash("", "", "The filter of the instance leaves this identity out.")
	}
	put := putOfRecord(staged.Record)
	if put.New = known == nil; !put.New {
		put.UID = known.UID
	}
	changes := directory.Changes{Instance: r.instance, Put: []directory.Put{put}, Action: "sync.identity"}
	members := directory.MemberChange{Container: put.UID, Replace: !told.PartialLinks, AnyInstance: true}
	manager := directory.ManagerChange{User: put.UID}
	for _, link := range page.Links {
		uid, err := r.find(ctx, link.Other)
		if err != nil {
			return nil, err
		}
		switch {
		case uid == uuid.Nil || link.Removed:
		case link.Type == connector.Manager:
			manager.Manager = &uid
		default:
			members.Add = append(members.Add, uid)
		}
	}
	if told.Kind == directory.KindGroup {
		changes.Members = []directory.MemberChange{members}
	} else {
		changes.Managers = []directory.ManagerChange{manager}
	}
	result, err := r.s.people.Apply(ctx, changes)
	if err != nil {
		return nil, err
	}
	return result.Records[0].Identity(), nil
}

// find finds the identity that a link leads to; nil where it is not here.
func (r *round) find(ctx context.Context, ref connector.Ref) (uuid.UUID, error) {
	instances := []*directory.Instance{r.instance}
	if ref.Provider != "" {
		all, err := r.s.store.Instances(ctx)
		if err != nil {
			return uuid.Nil, err
		}
		instances = nil
		for _, i := range all {
			if directory.FoldKey(i.Provider.Name) == directory.FoldKey(ref.Provider) {
				instances = append(instances, i)
			}
		}
	}
	for _, i := range instances {
		var found []*directory.Record
		var err error
		switch {
		case ref.Key == "":
			found, err = r.s.store.ByUserNames(ctx, i.ID, []string{directory.FoldKey(strings.TrimSpace(ref.Name))})
		case ref.Kind != "":
			found, err = r.s.store.ByExternalIDs(ctx, i.ID, ref.Kind, []string{ref.Key})
		default:
			if found, err = r.s.store.ByExternalIDs(ctx, i.ID, directory.KindUser, []string{ref.Key}); err == nil && found[0] == nil {
				found, err = r.s.store.ByExternalIDs(ctx, i.ID, directory.KindGroup, []string{ref.Key})
			}
		}
		if err != nil {
			return uuid.Nil, err
		}
		if found[0] != nil {
			return found[0].UID, nil
		}
	}
	return uuid.Nil, nil
}
