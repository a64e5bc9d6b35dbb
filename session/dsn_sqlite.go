package session

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/uptrace/bun/dialect/sqlitedialect"
	"github.com/uptrace/bun/schema"
	sqlitedriver "modernc.org/sqlite"
)

// sqliteDSN is a path or a DSN of SQLite's form (https://www.sqlite.org/uri.html) with the parameters of the driver.
type sqliteDSN struct {
	path  string
	query url.Values
}

// writers is how many connections write, read what was just written, or are the application's own; SQLite lets one write.
const writers = 4

// prepareSQLite makes two pools over one file: a small one that writes and one that reads. A database in memory has no
// write-ahead log that would let both work at the same time, so it has one.
func prepareSQLite(cfg Config) (*opening, error) {
	if len(cfg.Replicas) > 0 {
		return nil, fmt.Errorf("%w: SQLite has no replicas; its readers are a pool that Open makes", dossier.ErrInvalid)
	}
	if cfg.StatementTimeout > 0 {
		return nil, fmt.Errorf("%w: SQLite has no StatementTimeout; bound the context", errors.ErrUnsupported)
	}
	d, err := parseSQLite(cfg.DSN)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(d.check(), d.checkFile(cfg)); err != nil {
		return nil, err
	}
	d.complete(cfg)
	o := &opening{}
	if o.primary, err = d.target(PoolOptions{MaxOpen: writers, MaxIdle: writers}, "_txlock", "immediate"); err != nil {
		return nil, err
	}
	if d.inMemory() {
		o.primary.pool = cfg.Pool.readers()
		o.keep = o.primary.connector
		return o, nil
	}
	readers, err := d.target(cfg.Pool.readers(), "_query_only", "1")
	o.replicas = []target{readers}
	return o, err
}

// target makes a connector with one more parameter.
func (d sqliteDSN) target(pool PoolOptions, name, value string) (target, error) {
	query := url.Values{}
	for key, values := range d.query {
		query[key] = slices.Clone(values)
	}
	if !query.Has(name) {
		query.Set(name, value)
	}
	connector, err := sqlitedriver.NewConnector("file:" + escapePath(d.path) + "?" + query.Encode())
	if err != nil {
		return target{}, malformed("SQLite", "a path or file:path?parameters")
	}
	return target{
		connector: connector, dialect: func() schema.Dialect { return sqlitedialect.New() },
		pool: pool, shown: printable(d.path), secrets: d.secrets(),
	}, nil
}

// parseSQLite returns path and parameters.
func parseSQLite(text string) (sqliteDSN, error) {
	rest, isURI := strings.CutPrefix(text, "file:")
	if !isURI {
		return sqliteDSN{text, url.Values{}}, nil
	}
	rest, raw, _ := strings.Cut(rest, "?")
	if authority, ok := strings.CutPrefix(rest, "//"); ok {
		host, folder, _ := strings.Cut(authority, "/")
		if host != "" && host != "localhost" {
			return sqliteDSN{}, fmt.Errorf("%w: the DSN names a host; a file of this machine has three slashes", dossier.ErrInvalid)
		}
		rest = "/" + folder
	}
	path, errPath := url.PathUnescape(rest)
	query, errQuery := url.ParseQuery(raw)
	if errPath != nil || errQuery != nil || strings.Contains(rest+raw, "#") {
		return sqliteDSN{}, fmt.Errorf("%w: the DSN is not URL-encoded", dossier.ErrInvalid)
	}
	return sqliteDSN{withoutSlash(path), query}, nil
}

// withoutSlash makes /C:/folder the path C:/folder.
func withoutSlash(path string) string {
	if drive := strings.TrimPrefix(path, "/"); filepath.VolumeName(drive) != "" {
		return drive
	}
	return path
}

// escapePath makes a path part of a URI.
func escapePath(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	return strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(slashed)
}

// printable quotes a path that would play tricks on a terminal.
func printable(path string) string {
	if quoted := fmt.Sprintf("%q", path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

// inMemory reports whether it is a database that the connections of this process share in memory.
func (d sqliteDSN) inMemory() bool { return d.query.Get("vfs") == "memdb" }

// check refuses databases of one connection, and settings that can lose what was committed or tear the file.
func (d sqliteDSN) check() error {
	private := d.path == "" || d.path == ":memory:" || d.query.Get("mode") == "memory"
	if private || d.inMemory() && !strings.HasPrefix(d.path, "/") {
		return fmt.Errorf("%w: each connection would be a private database in memory; open \"file:/name?vfs=memdb\", "+
			"which all connections share", dossier.ErrInvalid)
	}
	for name, refused := range map[string][]string{"synchronous": {"OFF", "0"}, "journal_mode": {"OFF", "MEMORY"}} {
		for _, value := range d.written(name) {
			if slices.Contains(refused, strings.ToUpper(value)) && !d.inMemory() {
				return fmt.Errorf("%w: %s=%s can lose or tear the database in a crash, after which rows and files differ",
					dossier.ErrInvalid, name, strings.ToUpper(value))
			}
		}
	}
	return nil
}

// checkFile sees that the file is there, if it must be, and is one.
func (d sqliteDSN) checkFile(cfg Config) error {
	if d.inMemory() {
		return nil
	}
	info, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(d.path, "@") && !strings.HasPrefix(cfg.DSN, "file:"):
		return fmt.Errorf("%w: there is no such file; as a DSN it is neither PostgreSQL's nor MySQL's", dossier.ErrInvalid)
	case errors.Is(err, fs.ErrNotExist) && cfg.MustExist:
		return fmt.Errorf("%w: %s: %w", ErrNoDatabase, printable(d.path), fs.ErrNotExist)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is no file", dossier.ErrInvalid, printable(d.path))
	}
	return nil
}

// shorthand are the driver's own names for pragmas.
var shorthand = map[string][]string{
	"busy_timeout": {"_busy_timeout", "_timeout"}, "foreign_keys": {"_foreign_keys", "_fk"},
	"journal_mode": {"_journal_mode", "_journal"}, "synchronous": {"_synchronous", "_sync"},
}

var pragmaForm = regexp.MustCompile(`(?s)^\s*(?:main\s*\.\s*)?([a-zA-Z_]+)\s*(?:=|\()?\s*["']?([^"')\s;]*)`)

// written returns the values of a pragma in the DSN.
func (d sqliteDSN) written(name string) []string {
	var values []string
	for _, key := range shorthand[name] {
		values = append(values, d.query[key]...)
	}
	for _, pragma := range d.query["_pragma"] {
		if m := pragmaForm.FindStringSubmatch(pragma); m != nil && strings.EqualFold(m[1], name) {
			values = append(values, m[2])
		}
	}
	return values
}

// complete adds what the DSN leaves open: commits survive a power cut, readers do not wait for the writer, writers for each
// other.
func (d sqliteDSN) complete(cfg Config) {
	lock := cfg.LockTimeout
	setDuration(&lock, 10*time.Second)
	pragmas := [][2]string{{"busy_timeout", fmt.Sprint(lock.Milliseconds())}, {"foreign_keys", "1"}}
	readOnly := d.query.Get("mode") == "ro" || d.query.Has("immutable")
	if !d.inMemory() {
		pragmas = append(pragmas, [2]string{"synchronous", "FULL"})
	}
	if !d.inMemory() && !readOnly && !cfg.MustExist { // a file keeps its mode, and to set it writes
		pragmas = append(pragmas, [2]string{"journal_mode", "WAL"})
	}
	for _, pragma := range pragmas {
		if len(d.written(pragma[0])) == 0 {
			d.query.Add("_pragma", pragma[0]+"("+pragma[1]+")")
		}
	}
	if cfg.MustExist && !readOnly && !d.inMemory() {
		d.query.Set("mode", "rw")
	}
}

// secrets are the keys of databases that are encrypted.
func (d sqliteDSN) secrets() []string {
	var all []string
	for _, pragma := range d.query["_pragma"] {
		m := pragmaForm.FindStringSubmatch(pragma)
		if m != nil && strings.HasSuffix(strings.ToLower(m[1]), "key") {
			all = append(all, pragma, m[2])
		}
	}
	return append(all, d.query["key"]...)
}
