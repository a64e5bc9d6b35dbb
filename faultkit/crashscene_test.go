package faultkit_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
)

// scene is one world and the processes in it, round after round.
type scene struct {
	*harness
	dir   string
	round int

	mu    sync.Mutex
	lives []string // of this round
	kills int      // of this round
}

func (h *harness) newScene() *scene {
	s := &scene{harness: h, dir: h.TempDir()}
	newDatabase(h.T, s.dir, h.on)
	if err := createWorld(h.Context(), s.dir, freshStore(h.url)); err != nil {
		h.Fatal(err)
	}
	return s
}

// play lets processes live and die, and judges what they leave, until the plan is fulfilled or something went wrong.
func (s *scene) play() {
	for !s.plan.over() && !s.Failed() {
		s.round++
		s.live()
		if err := s.judge(); err != nil {
			s.Errorf("seed %d, round %d of %s: %v\n%s", s.seed, s.round, s.dir, err, s.picture())
		}
	}
}

// live keeps processes alive until enough have died, then kills the others.
func (s *scene) live() {
	ctx, cancel := context.WithCancel(s.plan.open)
	defer cancel()
	s.lives, s.kills = nil, 0
	var group sync.WaitGroup
	for slot, r := range []role{application, application, sweeper} {
		group.Go(func() {
			for ctx.Err() == nil {
				if s.liveOnce(ctx, slot, r) {
					cancel()
				}
			}
		})
	}
	group.Wait()
}

// liveOnce is one process from its start to its death. It returns true when the round is over.
func (s *scene) liveOnce(ctx context.Context, slot int, r role) (over bool) {
	one := s.plan.next(r)
	orders := childOrders{
		Dir: s.dir, Role: r, Slot: slot, Seed: one.seed, Point: one.point, Hit: one.hit, Works: s.plan.works[one.target], Limit: 20,
	}
	if one.point == "" {
		orders.Limit = 10_000
	}
	result, text := process(ctx, orders, one)
	switch {
	case result == failed:
		s.Errorf("seed %d: a process failed: %+v\n%s", s.seed, orders, text)
		return true
	case ctx.Err() != nil && one.point != "": // killed from outside, unless it was faster
		s.plan.missed(one.target, false)
		one.point = ""
	case result == ended && one.point != "" && !s.plan.missed(one.target, true):
		s.Errorf("%s %s is not hit any more by %q", one.role, one.point, orders.Works)
		return true
	}
	return s.record(one.target, result, orders, text)
}

// record keeps the last words of a process.
func (s *scene) record(one target, result fate, orders childOrders, text string) (over bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	s.lives = append(s.lives, fmt.Sprintf("slot %d %s, to die at %q hit %d, seed %d: %v after %d works, the last: %s",
		orders.Slot, orders.Role, orders.Point, orders.Hit, orders.Seed, [...]string{"ended", "died"}[result], len(lines), lines[len(lines)-1]))
	if result == died {
		s.plan.killed(one)
		s.kills++
	}
	return s.kills >= killsRound || s.plan.over() || s.Failed()
}
