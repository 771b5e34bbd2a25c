package syncer

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/roster-gateway/roster/directory"
)

// The limits of the guard where an instance sets none, and what no limit is below (rule R16).
const (
	defaultDeletePercent, defaultDeleteCount = 20, 500
	defaultUnlinkPercent, defaultUnlinkCount = 30, 5000
	defaultRenamePercent, defaultRenameCount = 50, 5000
	leastGuarded                             = 5
)

// suspicion says why a plan may not be meant; empty where it may be.
func suspicion(i *directory.Instance, size PlanSize) string {
	var doubts []string
	gone := size.Actions[Delete] + size.Actions[Disable]
	if limit := limitOf(i, keyMaxDeletePercent, defaultDeletePercent, keyMaxDeleteCount, defaultDeleteCount, size.Identities); gone > limit {
		doubts = append(doubts, fmt.Sprintf("%d of %d identities would be deleted or disabled, and %d may be", gone, size.Identities, limit))
	}
	if limit := limitOf(i, keyMaxUnlinkPercent, defaultUnlinkPercent, keyMaxUnlinkCount, defaultUnlinkCount, size.Links); size.Unlinked > limit {
		doubts = append(doubts, fmt.Sprintf("%d of %d links would be removed, and %d may be", size.Unlinked, size.Links, limit))
	}
	renamed := size.Actions[Rename]
	if limit := limitOf(i, keyMaxRenamePercent, defaultRenamePercent, keyMaxRenameCount, defaultRenameCount, size.Identities); renamed > limit {
		doubts = append(doubts, fmt.Sprintf("%d of %d identities would be renamed, and %d may be", renamed, size.Identities, limit))
	}
	if len(doubts) == 0 {
		return ""
	}
	return "This looks like an accident at the source: " + strings.Join(doubts, "; ") + ". Look at the planned changes, then approve or reject them."
}

// limitOf is the lower one of a share and a number.
func limitOf(i *directory.Instance, percentKey string, percent int, countKey string, count, total int) int {
	return max(leastGuarded, min(total*setting(i, percentKey, percent)/100, setting(i, countKey, count)))
}

// setting is a number in the configuration.
func setting(i *directory.Instance, key string, otherwise int) int {
	if n, err := strconv.Atoi(i.Config[key]); err == nil {
		return n
	}
	return otherwise
}
