package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/neterror"
	"github.com/dossier-go/dossier/journal"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
)

var (
	// ErrNoDatabase says that the server has no database of this name, or that an SQLite file is not there.
	ErrNoDatabase = errors.New("there is no such database")
	// ErrNoSchema says that the database is up and has not the journal's table, or one of a registered model:
	// Manager.CreateSchema makes them, as do migrations (package migrations has the journal's).
	ErrNoSchema = errors.New("a table is missing")
)

// Pauses between the tries of Config.Wait.
const (
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
)

// wait returns when the database answers, or positively will not.
func wait(ctx context.Context, cfg Config, db *sql.DB) error {
	deadline := time.Now().Add(cfg.Wait)
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		err := kinded(ctx, db.PingContext(ctx))
		left := time.Until(deadline)
		if err != nil && ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if err == nil || !errors.Is(err, dossier.ErrUnavailable) || left <= 0 {
			return err
		}
		timer := time.NewTimer(min(left, pause/2+rand.N(pause)))
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// kinded puts the sentinel of its kind before an error of connecting, or of looking for the schema.
func kinded(ctx context.Context, err error) error {
	kind := error(nil)
	state, number := journal.SQLState(err), journal.MySQLNumber(err)
	switch {
	case err == nil || isKinded(err):
		return err
	case turnedAway(err) != nil:
		kind = turnedAway(err)
	case state == "42501" || number == 1044 || number == 1142:
		kind = dossier.ErrPermission
	case Unavailable(err) && !errors.Is(ctx.Err(), context.Canceled), errors.Is(ctx.Err(), context.DeadlineExceeded):
		kind = dossier.ErrUnavailable
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// turnedAway returns why a server did not let us in, which no statement can be answered with, or nil.
func turnedAway(err error) error {
	switch state, number := journal.SQLState(err), journal.MySQLNumber(err); {
	case state == "28P01" || state == "28000" || number == 1045 || number == 1698:
		return dossier.ErrUnauthenticated
	case state == "3D000" || number == 1049:
		return ErrNoDatabase
	}
	return nil
}

func isKinded(err error) bool {
	return slices.ContainsFunc([]error{
		dossier.ErrUnauthenticated, dossier.ErrPermission, dossier.ErrUnavailable, dossier.ErrInvalid, errors.ErrUnsupported,
		ErrNoDatabase, ErrNoSchema,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

// Unavailable reports whether an error of a database says that there is no working server now, which may be otherwise
// later: it is not up, takes nobody more, shuts down, or the connection to it was lost. What a server answered counts before what the
// network said. It is not so when a context ended, when no agreement on encryption was found, and for errors of stores. Ask it
// about errors of a database only: drivers report a lost connection as io.EOF too, which a file or the body of a request can be.
func Unavailable(err error) bool {
	var stored *dossier.Error
	if err == nil || neterror.Ended(err) || errors.As(err, &stored) {
		return false
	}
	if state := journal.SQLState(err); state != "" { // shut down, crashed, starting; connections cut, or all taken
		return slices.Contains([]string{"57P01", "57P02", "57P03", "57P05", "53300"}, state) || strings.HasPrefix(state, "08")
	}
	if number := journal.MySQLNumber(err); number != 0 { // connections all taken, shut down, or cut
		return slices.Contains([]int{1040, 1053, 1203, 1927, 2006, 2013, 3169}, number)
	}
	for _, lost := range []error{
		dossier.ErrUnavailable, driver.ErrBadConn, sql.ErrConnDone, mysqldriver.ErrInvalidConn,
		pgconn.ErrReadOnlyConnection, // of several hosts none can be written: a failover is under way
	} {
		if errors.Is(err, lost) {
			return true
		}
	}
	class := neterror.Classify(err)
	return class != neterror.None && class != neterror.TLS
}
