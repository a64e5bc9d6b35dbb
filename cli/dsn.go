package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// parseDatabase reads a path or a DSN of SQLite's form (https://www.sqlite.org/uri.html) and returns the path, which may be
// shown, and a DSN that makes no database. Errors do not repeat text that may hold a password.
func parseDatabase(text string) (path, dsn string, err error) {
	path, query, err := splitDatabase(text)
	if err != nil {
		return "", "", err
	}
	if err := checkMode(path, query); err != nil {
		return "", "", err
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && strings.Contains(path, "@"):
		return "", "", fmt.Errorf("%w: there is no such file; a DSN of another database is not supported", dossier.ErrInvalid)
	case errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("there is no database at %s, and this tool makes none: %w", printable(path), fs.ErrNotExist)
	case err != nil:
		return "", "", err
	case !info.Mode().IsRegular():
		return "", "", fmt.Errorf("%w: %s is no file", dossier.ErrInvalid, printable(path))
	}
	if query.Get("mode") != "ro" {
		query.Set("mode", "rw")
	}
	if !slices.ContainsFunc(query["_pragma"], func(p string) bool { return strings.HasPrefix(p, "busy_timeout") }) {
		query.Add("_pragma", "busy_timeout(10000)")
	}
	return path, "file:" + escapePath(path) + "?" + query.Encode(), nil
}

// splitDatabase returns path and parameters.
func splitDatabase(text string) (path string, query url.Values, err error) {
	if text == "" {
		return "", nil, fmt.Errorf("%w: it is missing; name the application's SQLite database: --database app.db", dossier.ErrInvalid)
	}
	rest, isURI := strings.CutPrefix(text, "file:")
	if !isURI {
		if scheme, _, ok := strings.Cut(text, "://"); ok {
			return "", nil, fmt.Errorf("%w: databases of the kind %q; SQLite is supported: a path or a file: DSN", errors.ErrUnsupported, scheme)
		}
		return text, url.Values{}, nil
	}
	rest, raw, _ := strings.Cut(rest, "?")
	if authority, ok := strings.CutPrefix(rest, "//"); ok {
		host, folder, _ := strings.Cut(authority, "/")
		if host != "" && host != "localhost" {
			return "", nil, fmt.Errorf("%w: the DSN names a host; a file of this machine has three slashes", dossier.ErrInvalid)
		}
		rest = "/" + folder
	}
	path, errPath := url.PathUnescape(rest)
	query, errQuery := url.ParseQuery(raw)
	if errPath != nil || errQuery != nil || strings.Contains(rest+raw, "#") {
		return "", nil, fmt.Errorf("%w: the DSN is not URL-encoded", dossier.ErrInvalid)
	}
	return withoutSlash(path), query, nil
}

// withoutSlash makes /C:/folder the path C:/folder.
func withoutSlash(path string) string {
	if drive := strings.TrimPrefix(path, "/"); filepath.VolumeName(drive) != "" {
		return drive
	}
	return path
}

// checkMode refuses databases that only the process that made them can see.
func checkMode(path string, query url.Values) error {
	if path == ":memory:" || path == "" || query.Get("mode") == "memory" || query.Get("vfs") == "memdb" {
		return fmt.Errorf("%w: a database in memory belongs to its process; name a file", dossier.ErrInvalid)
	}
	return nil
}

// escapePath makes a path part of a URI.
func escapePath(path string) string {
	slashed := filepath.ToSlash(path)
	if filepath.VolumeName(path) != "" {
		slashed = "/" + slashed
	}
	return strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(slashed)
}
