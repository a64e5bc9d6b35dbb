package faultkit

import (
	"context"
	"maps"
	"sync"
)

// Any, as a name for [Points.At] and [Points.Count], stands for the hits of all names together.
const Any = ""

// Points counts hits of named points and acts at chosen ones. The zero value, and a nil pointer, only counts or does
// nothing. It is safe for concurrent use.
type Points struct {
	mu      sync.Mutex
	hits    map[string]int
	actions map[place]Action
}

// place is the n-th hit of a name; 0 is every hit.
type place struct {
	name string
	n    int
}

// At makes the n-th hit of name, counted from 1 and from the first hit ever, call action; n = 0 means every hit for which
// there is no other action. It replaces an earlier action of the same place; nil removes it.
func (p *Points) At(name string, n int, action Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(place{name, n}, action)
}

// Next is At for the next hit of name.
func (p *Points) Next(name string, action Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.set(place{name, p.hits[name] + 1}, action)
}

func (p *Points) set(at place, action Action) {
	if p.actions == nil {
		p.actions = map[place]Action{}
	}
	p.actions[at] = action
}

// Hit is HitContext without a context. It has the form of local.Config.Step and session.Options.Step.
func (p *Points) Hit(name string) error { return p.HitContext(context.Background(), name) }

// HitContext counts a hit of name and calls the action that is set for it, whose error it returns.
func (p *Points) HitContext(ctx context.Context, name string) error {
	if p == nil {
		return nil
	}
	if action := p.count(name); action != nil {
		return action(ctx)
	}
	return nil
}

// count counts a hit and finds its action; that of the name goes before that of Any.
func (p *Points) count(name string) Action {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hits == nil {
		p.hits = map[string]int{}
	}
	p.hits[name]++
	p.hits[Any]++
	for _, at := range []place{{name, p.hits[name]}, {Any, p.hits[Any]}, {name, 0}, {Any, 0}} {
		if action := p.actions[at]; action != nil {
			return action
		}
	}
	return nil
}

// Count returns how often name was hit; for Any, how many hits there were.
func (p *Points) Count(name string) int {
	if p == nil {
		return 0
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.hits[name]
}

// Counts returns how often each name was hit, without those that never were.
func (p *Points) Counts() map[string]int {
	if p == nil {
		return map[string]int{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	counts := map[string]int{}
	maps.Copy(counts, p.hits)
	delete(counts, Any)
	return counts
}
