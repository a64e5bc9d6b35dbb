package faultkit_test

import (
	"cmp"
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
)

// target is where a process of a role is to die; no point means at a random moment.
type target struct {
	role  role
	point string
}

// plan is what is left to be killed. It is safe for concurrent use.
type plan struct {
	works   map[target][]string // that lead to a point
	open    context.Context     //nolint:containedctx // ends when everything has died that was to die
	fulfill context.CancelFunc

	mu      sync.Mutex
	random  *rand.Rand
	left    map[role][]target // that nobody works on
	deaths  int               // at points that are still to come
	moments int               // deaths at random moments that are still to come
	misses  map[target]int
	kills   map[target]int
}

// newPlan asks for so many kills at each of the points and at random moments.
func newPlan(ctx context.Context, random *rand.Rand, works map[target][]string, each, moments int) *plan {
	p := &plan{
		works: works, random: random, moments: moments, deaths: each * len(works),
		left: map[role][]target{}, misses: map[target]int{}, kills: map[target]int{},
	}
	p.open, p.fulfill = context.WithCancel(ctx)
	for _, one := range slices.SortedFunc(maps.Keys(works), compareTargets) {
		p.left[one.role] = append(p.left[one.role], slices.Repeat([]target{one}, each)...)
	}
	for _, r := range []role{application, sweeper} {
		left := p.left[r]
		random.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	}
	return p
}

func compareTargets(a, b target) int {
	return cmp.Or(cmp.Compare(a.role, b.role), cmp.Compare(a.point, b.point))
}

// task is what a process is started for.
type task struct {
	target
	hit  int    // of the point
	kill bool   // at a random moment; without this and without a point, when the round ends
	seed uint64 // of its choices
}

// next takes a target off the list, or a random moment now and then. A role that has nothing left lives on.
func (p *plan) next(r role) task {
	p.mu.Lock()
	defer p.mu.Unlock()
	one := task{target: target{role: r}, hit: 1, seed: p.random.Uint64()}
	n := len(p.left[r])
	switch {
	case p.moments > 0 && (n == 0 || p.random.IntN(n) < p.moments/3):
		one.kill = true
	case n > 0:
		one.target = p.left[r][n-1]
		p.left[r] = p.left[r][:n-1]
		if p.misses[one.target] == 0 {
			one.hit += p.random.IntN(3)
		}
	}
	return one
}

// tooManyMisses ends the hunt for a point that is not hit any more.
const tooManyMisses = 30

// missed puts a target back whose process ended too early, alive or dead. It returns false when that is hopeless.
func (p *plan) missed(one target, alive bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.random.IntN(len(p.left[one.role]) + 1)
	p.left[one.role] = slices.Insert(p.left[one.role], at, one)
	if alive {
		p.misses[one]++
	}
	return p.misses[one] < tooManyMisses
}

// killed counts a death.
func (p *plan) killed(one target) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.kills[one]++
	switch {
	case one.point != "":
		p.deaths--
	case p.moments > 0:
		p.moments--
	default:
		return
	}
	if p.deaths+p.moments == 0 {
		p.fulfill()
	}
}

// over reports whether nothing is left.
func (p *plan) over() bool { return p.open.Err() != nil }

// killsAt counts the deaths at a point, of all roles; for no point, those at random moments.
func (p *plan) killsAt(point string) int {
	return p.kills[target{application, point}] + p.kills[target{sweeper, point}]
}
