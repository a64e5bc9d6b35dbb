package session

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/journal"
	"github.com/uptrace/bun/schema"
)

// triggerEngine is how a database does triggers.
type triggerEngine interface {
	// change runs work while nobody else changes triggers of ours, in a transaction where DDL can be undone.
	change(ctx context.Context, m *Manager, work func(conn execer) error) error
	// read runs work on one connection.
	read(ctx context.Context, m *Manager, work func(conn execer) error) error
	// wanted are the triggers that belong to the table.
	wanted(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error)
	// checkColumns refuses a table without one of the file columns, where the database would let the trigger be made.
	checkColumns(ctx context.Context, conn execer, t *triggerTable) error
	// installed are the triggers that the table has and whose names begin as ours do.
	installed(ctx context.Context, conn execer, t *triggerTable) ([]trigger, error)
	// gaps are the ways in which rows go without a trigger.
	gaps(ctx context.Context, conn execer, t *triggerTable) ([]TriggerDrift, error)
}

// execer is a connection or a transaction on one.
type execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// triggerTable is a table with file columns.
type triggerTable struct {
	name    string
	sqlName string      // quoted
	columns []string    // file columns, quoted, in order
	stores  [][2]string // registered name, identity
	delay   time.Duration
	gen     schema.QueryGen
	wanted  []trigger
}

// trigger is one of the triggers of a table, as it is or as it should be.
type trigger struct {
	table    string
	name     string
	text     string // what says whether it is the same
	disabled bool
	create   []string
	drop     []string
}

func (t trigger) same(other trigger) bool {
	return t.table == other.table && t.name == other.name && t.text == other.text
}

// triggerMark is in the text of every trigger of ours, of all versions.
const triggerMark = "made by dossier, Manager.InstallTriggers; docs/triggers.md"

func (t trigger) ours() bool { return strings.Contains(t.text, triggerMark) }

// triggerPrefix begins the names of all our triggers.
const triggerPrefix = "dossier_"

// maxIdentifier is how many bytes a name may have on PostgreSQL; MySQL takes 64 characters.
const maxIdentifier = 63

// objectName is the name of a trigger or a function: of table and purpose, with a hash of all that its text depends on, so
// that a new version can stand beside the old one. A long table's name is cut; the hash is of all of it.
func (t *triggerTable) objectName(purpose, text string) string {
	sum := sha256.Sum256([]byte(t.name + "\x00" + text))
	end := "_" + purpose + "_" + hex.EncodeToString(sum[:5])
	table := strings.ReplaceAll(t.name, ".", "_")
	if room := maxIdentifier - len(triggerPrefix) - len(end); len(table) > room {
		for room > 0 && !utf8.RuneStart(table[room]) {
			room--
		}
		table = table[:room]
	}
	return triggerPrefix + table + end
}

// literal is a text in SQL.
func (t *triggerTable) literal(text string) string {
	return string(t.gen.Dialect().AppendString(nil, text))
}

// quote is a name in SQL.
func (t *triggerTable) quote(name string) string {
	q := string(t.gen.Dialect().IdentQuote())
	return q + strings.ReplaceAll(name, q, q+q) + q
}

// storeOf is an expression for the identity of a backend's store, NULL for one that is not registered.
func (t *triggerTable) storeOf(backend string) string {
	text := "CASE " + backend
	for _, store := range t.stores {
		text += " WHEN " + t.literal(store[0]) + " THEN " + t.literal(store[1])
	}
	return text + " END"
}

// refused is what an INSERT or UPDATE says that brings a key back whose object is being deleted. MySQL takes 128 characters.
const refused = "dossier: the object of a file is in the journal and not to be had: its delete or upload is under way"

// onConn runs work on one connection of the manager's pool.
func onConn(ctx context.Context, m *Manager, work func(conn execer) error) (err error) {
	conn, err := m.db.DB.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() {
		if problem := conn.Close(); err == nil {
			err = problem
		}
	}()
	return work(conn)
}

// column reads the one column of a query.
func column[T any](ctx context.Context, conn execer, query string, args ...any) ([]T, error) {
	var all []T
	err := each(ctx, conn, func(scan func(dest ...any) error) error {
		var value T
		err := scan(&value)
		all = append(all, value)
		return err
	}, query, args...)
	return all, err
}

// each calls fn for each row of a query.
func each(ctx context.Context, conn execer, fn func(scan func(dest ...any) error) error, query string, args ...any) error {
	rows, err := conn.QueryContext(ctx, query, args...)
	if err != nil {
		return triggerError(err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return triggerError(rows.Err())
}

// triggerError adds what can be done about an account that may not do this.
func triggerError(err error) error {
	switch {
	case err == nil:
		return nil
	case journal.SQLState(err) == "42501":
		return fmt.Errorf("%w: triggers are made by the owner of the tables: %w", dossier.ErrPermission, err)
	case journal.MySQLNumber(err) == 1419:
		return fmt.Errorf("%w: with a binary log MySQL lets only a SUPER account make triggers, unless "+
			"log_bin_trust_function_creators=1: %w",
			dossier.ErrPermission, err)
	case journal.MySQLNumber(err) == 1142, journal.MySQLNumber(err) == 1044, journal.MySQLNumber(err) == 1227:
		return fmt.Errorf("%w: the account needs the privilege TRIGGER on the tables, and SELECT, INSERT and DELETE on the "+
			"journal: %w",
			dossier.ErrPermission, err)
	}
	return err
}

// selectColumns asks for the columns of the table, and no row. Names without a table would be texts to SQLite.
func (t *triggerTable) selectColumns(ctx context.Context, conn execer) error {
	rows, err := conn.QueryContext(ctx, "SELECT r."+strings.Join(t.columns, ", r.")+" FROM "+t.sqlName+" r WHERE 1 = 0")
	if err != nil {
		return err
	}
	return errors.Join(rows.Err(), rows.Close())
}

// noColumn says that the model is not of this table.
func (t *triggerTable) noColumn(err error) error {
	return fmt.Errorf("%w: the table has not all of the columns %s; is the schema newer or older than the program? %w",
		dossier.ErrInvalid, strings.Join(t.columns, ", "), err)
}

// missing says what InstallTriggers needs first.
func missing(table string) error {
	return fmt.Errorf("%w: there is no table %s; CreateSchema or a migration makes it, before the triggers", dossier.ErrInvalid,
		table)
}
