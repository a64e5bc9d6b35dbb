package session

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
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
	case state == "28P01" || state == "28000" || number == 1045 || number == 1698:
		kind = dossier.ErrUnauthenticated
	case state == "42501" || number == 1044 || number == 1142:
		kind = dossier.ErrPermission
	case state == "3D000" || number == 1049:
		kind = ErrNoDatabase
	case isUnavailable(err) && !errors.Is(ctx.Err(), context.Canceled), errors.Is(ctx.Err(), context.DeadlineExceeded):
		kind = dossier.ErrUnavailable
	default:
		return err
	}
	return fmt.Errorf("%w: %w", kind, err)
}

func isKinded(err error) bool {
	return slices.ContainsFunc([]error{
		dossier.ErrUnauthenticated, dossier.ErrPermission, dossier.ErrUnavailable, dossier.ErrInvalid, errors.ErrUnsupported,
		ErrNoDatabase, ErrNoSchema,
	}, func(kind error) bool { return errors.Is(err, kind) })
}

// isUnavailable reports whether an error says that there is no working server now, which may be otherwise later. What a
// server answered counts before what the network said.
func isUnavailable(err error) bool {
	if state := journal.SQLState(err); state != "" { // shut down, crashed, starting; connections cut, or all taken
		return slices.Contains([]string{"57P01", "57P02", "57P03", "53300"}, state) || strings.HasPrefix(state, "08")
	}
	if number := journal.MySQLNumber(err); number != 0 { // connections all taken, shut down, or cut
		return slices.Contains([]int{1040, 1053, 1203, 1927, 3169}, number)
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, dossier.ErrUnavailable), errors.Is(err, driver.ErrBadConn), errors.As(err, &dns):
		return true
	case errors.Is(err, pgconn.ErrReadOnlyConnection): // of several hosts none can be written: a failover is under way
		return true
	case errors.Is(err, os.ErrNotExist): // the socket of a server that is not up
		return true
	case errors.Is(err, mysqldriver.ErrInvalidConn): // cut while it was in use
		return true
	}
	class := neterror.Classify(err)
	return class != neterror.None && class != neterror.TLS
}
