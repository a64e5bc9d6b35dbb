package backendtest

import (
	"errors"
	"fmt"
	"strconv"
	"sync/atomic"

	"github.com/dossier-go/dossier"
)

func conditionRaceCases() []contractCase {
	return []contractCase{
		{
			name: "condition/create-only race", groups: []int{17}, needs: dossier.PutIfAbsent, run: createOnlyRace,
			sentence: "PutIfAbsent: of concurrent create-only Puts exactly one succeeds, the others are ErrExist.",
		},
		{
			name: "condition/compare-and-swap counter", groups: []int{19}, needs: dossier.PutMatch, run: swapCounter,
			sentence: "PutMatch: no compare-and-swap is lost among concurrent ones.",
		},
		{
			name: "condition/counter of two handles", groups: []int{19}, needs: dossier.PutMatch, hooks: []hook{reopen},
			run:      swapCounterOfTwo,
			sentence: "PutMatch holds between two backends over the same objects.",
		},
		{
			name: "condition/delete race", groups: []int{21}, needs: dossier.DeleteMatch, run: deleteRace,
			sentence: "DeleteMatch: a conditional Delete never removes another version than the one it names.",
		},
		{
			name: "condition/copy race", groups: []int{22}, needs: dossier.CopyIfAbsent, extensions: []extension{copier},
			run:      copyRace,
			sentence: "CopyIfAbsent: of concurrent create-only copies and moves exactly one succeeds.",
		},
	}
}

func createOnlyRace(t *trial) {
	for round := range t.harness.some(200) {
		key := fmt.Sprintf("race/%d", round)
		var won atomic.Int32
		winners := make([]dossier.Info, 16)
		together(len(winners), func(i int) {
			info, err := t.tries(key, letters(i), ifAbsent)
			if err == nil {
				won.Add(1)
				winners[i] = info
			} else if !errors.Is(err, dossier.ErrExist) && !t.collided(err) {
				t.Errorf("a loser: %v, want ErrExist", err)
			}
		})
		winner := int(t.read(key)[0] - 'a')
		if won.Load() != 1 || t.difference(winners[winner], t.stat(key)) != "" {
			t.Fatalf("round %d: %d winners; the object is writer %d's", round, won.Load(), winner)
		}
	}
}

// collided reports whether a store whose service tells two writes at once from one after the other said so.
func (t *trial) collided(err error) bool { return t.remote() && errors.Is(err, dossier.ErrConflict) }

// increment adds one to the number in an object, as often as it takes.
func increment(t *trial, b dossier.Backend) {
	for {
		object, err := b.Get(t.ctx, "counter", dossier.GetOptions{})
		if err != nil {
			t.Errorf("get: %v", err)
			return
		}
		text, err := readAll(object)
		if err != nil {
			t.Errorf("read: %v", err)
			return
		}
		count, err := strconv.Atoi(string(text))
		if err != nil {
			t.Errorf("torn counter: %v", err)
			return
		}
		next := dossier.BytesSource([]byte(strconv.Itoa(count + 1)))
		_, err = b.Put(t.ctx, "counter", next, dossier.PutOptions{If: match(object.Version)})
		if err == nil {
			return
		}
		if !errors.Is(err, dossier.ErrPrecondition) && !errors.Is(err, dossier.ErrConflict) {
			t.Errorf("put: %v", err)
			return
		}
	}
}

func countUp(t *trial, backends ...dossier.Backend) {
	const workers = 8
	rounds := t.harness.some(25)
	t.put("counter", "0")
	together(workers, func(i int) {
		for range rounds {
			increment(t, backends[i%len(backends)])
		}
	})
	t.holds("counter", strconv.Itoa(workers*rounds))
}

func swapCounter(t *trial) { countUp(t, t.backend) }

func swapCounterOfTwo(t *trial) { countUp(t, t.backend, t.reopened().backend) }

func deleteRace(t *trial) {
	for round := range t.harness.some(100) {
		key := fmt.Sprintf("race/%d", round)
		first := t.put(key, "first")
		together(2, func(i int) {
			if i == 0 {
				t.put(key, "second")
				return
			}
			err := t.backend.Delete(t.ctx, key, dossier.DeleteOptions{If: match(first.Version)})
			if err != nil && !errors.Is(err, dossier.ErrPrecondition) {
				t.Errorf("delete: %v", err)
			}
		})
		t.holds(key, "second")
	}
}

func copyRace(t *trial) {
	for round := range t.harness.some(40) {
		key := fmt.Sprintf("race/%d", round)
		var won atomic.Int32
		source := func(i int) string { return fmt.Sprintf("source/%d/%d", round, i) }
		for i := range 8 {
			t.put(source(i), letters(i))
		}
		together(8, func(i int) {
			transfer := dossier.Copy
			if i%2 == 1 {
				transfer = dossier.Move
			}
			_, err := transfer(t.ctx, t.backend, key, source(i), dossier.CopyOptions{If: ifAbsent})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, dossier.ErrExist) && !t.collided(err):
				t.Errorf("a loser: %v, want ErrExist", err)
			default:
				t.holds(source(i), letters(i))
			}
		})
		t.whole(key, t.read(key))
		if won.Load() != 1 {
			t.Fatalf("round %d: %d winners", round, won.Load())
		}
	}
}
