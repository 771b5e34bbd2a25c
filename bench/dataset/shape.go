package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The parts that are there once.
const (
	largeSize = 50_000

	chainGroups = 8
	chainUsers  = 125

	diamondMiddles     = 200
	diamondMiddleUsers = 3
	diamondBottomUsers = 500
)

// The rest: sizes by a Pareto law between two bounds, and nestings down a ladder of levels. The shares are chosen so
// that the closure of the whole has about 1,045,000 pairs at scale 1.
const (
	smallest   = 5
	largest    = 3_000
	paretoTail = 0.85

	levels = 8
	// levelShare is how many groups stand on a level for each one on the level below.
	levelShare = 0.8
	// nextLevel is how often a nested group is of the level just below, instead of any below.
	nextLevel = 0.8
)

// shape fills the groups with members.
func (d *Data) shape(random *rand.Rand) {
	free := make([]int32, len(d.Groups)) // shuffled, so that what is special does not stand together
	for i, g := range random.Perm(len(d.Groups)) {
		free[i] = int32(g)
	}
	take := func(n int) []int32 {
		taken := free[:n]
		free = free[n:]
		return taken
	}
	large := take(1)[0]
	d.Large = int(large)
	d.Groups[large].Users = d.choose(random, largeSize)
	d.chain(random, take(chainGroups))
	d.diamond(random, take(2+diamondMiddles))

	memberships := d.Scale*baseMemberships - largeSize - chainGroups*chainUsers - diamondBottomUsers - diamondMiddles*diamondMiddleUsers
	for i, size := range paretoSizes(len(free), memberships) {
		d.Groups[free[i]].Users = d.choose(random, size)
	}
	random.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	d.nest(random, free, d.Scale*baseNestings-(chainGroups-1)-2*diamondMiddles)
}

// choose picks different users, in order.
func (d *Data) choose(random *rand.Rand, n int) []int32 {
	picked := make(map[int32]bool, n)
	out := make([]int32, 0, n)
	for len(out) < n {
		if u := int32(random.IntN(len(d.Users))); !picked[u] {
			picked[u] = true
			out = append(out, u)
		}
	}
	slices.Sort(out)
	return out
}

// chain nests each group in the one before. No two of them share a user.
func (d *Data) chain(random *rand.Rand, groups []int32) {
	d.ChainTop = int(groups[0])
	users := d.choose(random, chainGroups*chainUsers)
	for i, g := range groups {
		d.Groups[g].Users = users[i*chainUsers : (i+1)*chainUsers]
		if i > 0 {
			d.Groups[groups[i-1]].Groups = []int32{g}
		}
	}
}

// diamond puts one group over many, all of them over one.
func (d *Data) diamond(random *rand.Rand, groups []int32) {
	top, bottom, middles := groups[0], groups[1], groups[2:]
	users := d.choose(random, diamondBottomUsers+diamondMiddles*diamondMiddleUsers)
	random.Shuffle(len(users), func(i, j int) { users[i], users[j] = users[j], users[i] })
	d.DiamondTop = int(top)
	d.Groups[top].Groups = middles
	d.Groups[bottom].Users = users[:diamondBottomUsers]
	users = users[diamondBottomUsers:]
	for i, g := range middles {
		d.Groups[g].Users = users[i*diamondMiddleUsers : (i+1)*diamondMiddleUsers]
		d.Groups[g].Groups = []int32{bottom}
	}
}

// paretoSizes are n sizes of a bounded Pareto law, the largest first, that add up to sum. They are its quantiles rather
// than draws of it, so that they are alike at every scale.
func paretoSizes(n, sum int) []int {
	sizes := make([]int, n)
	left := sum
	for i := range sizes {
		size := smallest * math.Pow((float64(i)+0.5)/float64(n), -1/paretoTail)
		sizes[i] = int(min(size, largest))
		left -= sizes[i]
	}
	// What rounding left over or took too much.
	for step := 1; left != 0; {
		if left < 0 {
			step = -1
		}
		for i := 0; i < n && left != 0; i++ {
			if sizes[i]+step >= smallest {
				sizes[i] += step
				left -= step
			}
		}
	}
	return sizes
}

// nest puts groups into groups of a higher level, so that there is no cycle and no path of more than the levels.
func (d *Data) nest(random *rand.Rand, groups []int32, nestings int) {
	ladder := ladderOf(groups)
	parents := groups[len(ladder[0]):]
	level := make(map[int32]int, len(groups))
	for l, on := range ladder {
		for _, g := range on {
			level[g] = l
		}
	}
	for nestings > 0 {
		parent := pick(random, parents)
		below := level[parent] - 1
		if random.Float64() >= nextLevel {
			below = random.IntN(below + 1)
		}
		child := pick(random, ladder[below])
		if !slices.Contains(d.Groups[parent].Groups, child) {
			d.Groups[parent].Groups = append(d.Groups[parent].Groups, child)
			nestings--
		}
	}
}

// ladderOf cuts the groups into levels, the lowest first.
func ladderOf(groups []int32) [levels][]int32 {
	var ladder [levels][]int32
	total := (1 - math.Pow(levelShare, levels)) / (1 - levelShare)
	from, share := 0, 1.0
	for l := range ladder {
		to := min(len(groups), from+int(math.Ceil(share/total*float64(len(groups)))))
		ladder[l], from = groups[from:to], to
		share *= levelShare
	}
	return ladder
}
