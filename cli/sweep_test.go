package cli_test

import (
	"bytes"
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/cli"
	"github.com/dossier-go/dossier/session"
)

// The command does what Manager.Sweep does, on what the flags name alone.
func TestSweepExecutesWhatIsDue(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	kept, gone := a.insert(t, "kept"), a.insert(t, "gone")
	a.delete(t, gone)
	a.run(t, "sweep").want(t, 0, "claimed 1, deleted 1, abandoned 0, failed 0, parked 0\n", "")
	if a.exists(gone.File.Key) || !a.exists(kept.File.Key) {
		t.Error("the wrong objects are there")
	}
	a.run(t, "sweep", "--json").want(t, 0, `{"claimed":0,"deleted":0,"abandoned":0,"failed":0,"parked":0}`+"\n", "")
}

// Another store under the same name is not the one that the journal means: nothing in it is touched.
func TestSweepLeavesOtherStoresAlone(t *testing.T) {
	t.Parallel()
	a, other := newApplication(t), newApplication(t)
	d := a.insert(t, "gone")
	a.delete(t, d)
	a.folder = other.folder
	a.run(t, "sweep").want(t, 0, "claimed 0, deleted 0, abandoned 0, failed 0, parked 0\n", "")
}

// stubborn is a store that deletes nothing, and tells when it is asked to.
type stubborn struct {
	dossier.Backend
	asked chan struct{}
}

func (s stubborn) Delete(context.Context, string, dossier.DeleteOptions) error {
	select {
	case s.asked <- struct{}{}:
	default:
	}
	return errors.New("the disk is read-only")
}

// stubbornApplication has an order that cannot be executed.
func stubbornApplication(t *testing.T) (*application, stubborn) {
	t.Helper()
	a := newApplication(t)
	d := a.insert(t, "stays")
	a.delete(t, d)
	b, err := a.manager.Registry().Backend("uploads")
	check(t, err)
	s := stubborn{b, make(chan struct{}, 1)}
	a.manager.Registry().Replace("uploads", s)
	return a, s
}

func (a *application) mounted() cli.Config {
	return cli.Config{Manager: func(context.Context) (*session.Manager, error) { return a.manager, nil }}
}

// A sweep that could not do its work says so, to cron and to people.
func TestSweepReportsFailedDeletes(t *testing.T) {
	t.Parallel()
	a, _ := stubbornApplication(t)
	run(t, a.mounted(), "sweep").want(t, 1, "claimed 1, deleted 0, abandoned 0, failed 1, parked 0\n",
		"dossier: 1 deletes failed; see their last_error: dossier journal\n")
}

// With --every it goes on until it is interrupted, and that is no failure.
func TestSweepEveryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a, s := stubbornApplication(t)
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int)
	var stdout, stderr bytes.Buffer
	go func() { ended <- cli.Run(ctx, a.mounted(), []string{"sweep", "--every", "1h"}, &stdout, &stderr) }()
	<-s.asked
	interrupt()
	if code := <-ended; code != 0 || stdout.Len() > 0 || stderr.Len() > 0 {
		t.Errorf("exit code %d, %q, %q", code, &stdout, &stderr)
	}
}

// A sweep of nothing is a mistake in the flags.
func TestSweepNeedsItsFlags(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	run(t, cli.Config{}, "sweep").want(t, 2, "", "--database app.db")
	run(t, cli.Config{}, "sweep", "--database", a.database).want(t, 2, "", "no backend; name each that the rows use")
	a.run(t, "sweep", "--every", "0s").want(t, 2, "", "interval 0s")
	a.run(t, "sweep", "--every", "soon").want(t, 2, "", "see dossier sweep --help")
	a.run(t, "sweep", "--every", "1s", "--json").want(t, 2, "", "[every json]")
}
