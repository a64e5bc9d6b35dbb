package faultkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/session"
)

// childVariable holds the orders of a child process, a childOrders in JSON.
const childVariable = "DOSSIER_CRASH_CHILD"

func TestMain(m *testing.M) {
	if orders := os.Getenv(childVariable); orders != "" {
		os.Exit(childMain(orders))
	}
	if os.Getenv(killVariable) != "" {
		killMain()
		os.Exit(0)
	}
	os.Exit(servers.Run(m))
}

// role of a process of the harness.
type role string

const (
	application role = "application"
	sweeper     role = "sweeper"
)

// childOrders tells a child what to do and where to die.
type childOrders struct {
	Dir   string
	Role  role
	Slot  int    // no two living children have the same
	Seed  uint64 // of its choices
	Point string // where to die; "": its parent kills it
	Hit   int    // at which hit
	Works []string
	Limit int // works after which it ends by itself
}

// child is the state of a child process.
type child struct {
	orders  childOrders
	points  *faultkit.Points
	world   *world
	scratch *scratch // nil until it is used
	random  *rand.Rand
}

// childMain is the program of a child: it works until it dies, or ends with 0 when it has not died after all its work.
func childMain(text string) int {
	var orders childOrders
	if err := json.Unmarshal([]byte(text), &orders); err != nil {
		fmt.Println("orders:", err)
		return 2
	}
	points := &faultkit.Points{}
	if orders.Point != "" {
		points.At(orders.Point, orders.Hit, faultkit.Kill)
	}
	c, err := newChild(orders, points)
	if err == nil {
		err = c.work(context.Background())
	}
	if err != nil {
		fmt.Println("unexpected:", err)
		return 3
	}
	return 0
}

func newChild(orders childOrders, points *faultkit.Points) (*child, error) {
	c := &child{orders: orders, points: points, random: rand.New(rand.NewPCG(orders.Seed, 1))}
	deleteAfter := session.AtOnce
	if c.random.IntN(3) > 0 {
		deleteAfter = 50 * time.Millisecond
	}
	var err error
	c.world, err = openWorld(orders.Dir, points, deleteAfter)
	return c, err
}

// work does what was asked for most of the time and anything else in between. Each line that it prints says what it
// is about to do: the last one is what it died in.
func (c *child) work(ctx context.Context) error {
	all := c.worksOf(c.orders.Role)
	for range c.orders.Limit {
		w := all[c.random.IntN(len(all))]
		if len(c.orders.Works) > 0 && c.random.IntN(4) > 0 {
			w = workNamed(c.orders.Works[c.random.IntN(len(c.orders.Works))])
		}
		fmt.Println(w.name)
		if err := w.do(ctx, c); err != nil && !expected(err) {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

// errDeliberate is the error of works that are to fail.
var errDeliberate = errors.New("deliberate")

// expected reports whether an error may come of several processes that change the same rows: the row or the object was
// changed or deleted by another one, or the lease ran out.
func expected(err error) bool {
	for _, kind := range []error{
		errDeliberate, dossier.ErrStale, dossier.ErrNotFound, dossier.ErrLeaseLost, dossier.ErrConflict, fs.ErrNotExist,
	} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return session.Retryable(err)
}
