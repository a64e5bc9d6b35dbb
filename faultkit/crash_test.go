package faultkit_test

import (
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/session"
)

// kills of one run of the harness.
type kills struct {
	each    int // at each point
	moments int // at random moments
}

// Kills against each kind of database and store. The protocol's steps are the same on all; every request to a server costs
// time.
var (
	folderKills = kills{each: 2, moments: 60}
	cloudKills  = kills{each: 1, moments: 30}
	serverKills = kills{each: 1, moments: 20}
	bothKills   = kills{each: 0, moments: 20}
	longKills   = kills{each: 5, moments: 300}
)

// killsRound is how many there are between two checks.
const killsRound = 50

// parallelWorlds is how many worlds are played at the same time: processes wait for each other and for the disk most of
// the time.
const parallelWorlds = 4

// However a process dies, at any step of the protocol or between two, no row loses its bytes, no object is forgotten and
// nothing is left over: this is the promise of the module. Two applications and a sweeper work on one database and one
// store and are killed again and again; after each round, with nothing running, an independent check compares rows
// and objects, before a sweep and after it.
//
// The environment variable DOSSIER_SEED repeats the choices of a run, though not its timing; DOSSIER_LONG=1 asks for more
// kills, as it does in the tests of other databases and stores.
func TestNothingIsLostWhenProcessesAreKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	if !filelock.Supported {
		t.Skip("platform: no file locks that end with their process")
	}
	newHarness(t, "sqlite", "", folderKills).play(parallelWorlds)
}

// harness is the parent of all processes.
type harness struct {
	*testing.T
	seed uint64
	plan *plan
	kills
	on  string // the database
	url string // of the cloud store; "" is a folder
}

// newHarness asks for kills on a database and a store.
func newHarness(t *testing.T, on, storeURL string, wanted kills) *harness {
	t.Helper()
	h := &harness{T: t, seed: rand.Uint64(), kills: wanted, on: on, url: storeURL}
	if text := os.Getenv("DOSSIER_SEED"); text != "" {
		var err error
		if h.seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal("DOSSIER_SEED:", err)
		}
	}
	t.Logf("seed %d", h.seed)
	if os.Getenv("DOSSIER_LONG") == "1" {
		h.kills = longKills
	}
	h.plan = newPlan(t.Context(), rand.New(rand.NewPCG(h.seed, 2)), h.enumerate(), h.each, h.moments)
	return h
}

// play kills in so many worlds at the same time until the plan is fulfilled.
func (h *harness) play(worlds int) {
	var group sync.WaitGroup
	for range worlds {
		group.Go(h.newScene().play)
	}
	group.Wait()
	if !h.Failed() {
		h.checkCoverage()
	}
}

// enumerate does every work a few times in a world of its own and finds out which points it hits.
func (h *harness) enumerate() map[target][]string {
	dir := h.TempDir()
	newDatabase(h.T, dir, h.on)
	if err := createWorld(h.Context(), dir, freshStore(h.url)); err != nil {
		h.Fatal(err)
	}
	points := &faultkit.Points{}
	c, err := newChild(childOrders{Dir: dir, Seed: h.seed}, points)
	if err != nil {
		h.Fatal(err)
	}
	found := map[target][]string{}
	for point := range points.Counts() {
		found[target{application, point}] = nil
	}
	all := worksOn(h.on, h.url)
	for i := range 5 * len(all) {
		w := all[i%len(all)]
		was := points.Counts()
		if err := w.do(h.Context(), c); err != nil && !expected(err) {
			h.Fatalf("%s: %v", w.name, err)
		}
		for point, n := range points.Counts() {
			if n > was[point] && !slices.Contains(found[target{w.role, point}], w.name) {
				found[target{w.role, point}] = append(found[target{w.role, point}], w.name)
			}
		}
	}
	if err := c.world.close(); err != nil {
		h.Error(err)
	}
	return found
}

// checkCoverage fails when a step was not killed often enough: then something is not tested that was meant to be.
func (h *harness) checkCoverage() {
	var wanted []string
	for one := range h.plan.works {
		wanted = append(wanted, one.point)
	}
	if h.on == "sqlite" {
		if h.url == "" {
			wanted = append(wanted, local.Steps()...)
		}
		for _, step := range session.Steps() {
			wanted = append(wanted, step+".before", step+".after")
		}
	}
	slices.Sort(wanted)
	wanted = slices.Compact(wanted)
	sum := 0
	for _, point := range wanted {
		n := h.plan.killsAt(point)
		sum += n
		if n < h.each {
			h.Errorf("seed %d: %s was hit by %d kills, not by %d", h.seed, point, n, h.each)
		}
	}
	h.Logf("%d kills at %d points, %d at random moments", sum, len(wanted), h.plan.killsAt(""))
}
