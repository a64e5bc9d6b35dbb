package session

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

var (
	// keywordForm is libpq's other form, "host=localhost dbname=app".
	keywordForm = regexp.MustCompile(`^\s*(host|hostaddr|port|dbname|user|password|passfile|service|ssl[a-z]+|application_name|` +
		`client_encoding|connect_timeout|options|search_path|target_session_attrs)\s*=`)
	// networkForm is that of go-sql-driver: user:password@tcp(host:port)/database?parameters.
	networkForm = regexp.MustCompile(`(^|@)[a-z0-9]*\([^()]*\)/`)
	// semicolonForm is that of ODBC and ADO.NET, "Host=…;Password=…", which would be taken for a name of a host or a file.
	semicolonForm = regexp.MustCompile(`(?i)^\s*[a-z _]+=[^\s'"]*;\s*[a-z _]+=`)
	schemeForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
	// strayForm has a password in it, or begins as a DSN does, and is none: as the name of a file it would be shown.
	strayForm = regexp.MustCompile(`(?i)://|\b(password|pwd)\s*=|^["'\s]*(jdbc|postgres|postgresql|mysql|mariadb|sqlserver)\s*[:;]`)
)

// kindOf tells of which database a DSN is. It repeats no more of it than a scheme.
func kindOf(dsn string) (string, error) {
	scheme, _, _ := strings.Cut(schemeForm.FindString(dsn), ":")
	switch strings.ToLower(scheme) {
	case "postgres", "postgresql":
		return "postgresql", nil
	case "mysql", "mariadb":
		return "mysql", nil
	case "file":
		return "sqlite", nil
	case "":
	default:
		return "", fmt.Errorf("%w: databases of the kind %q; SQLite (a path or file:), postgres:// and mysql:// are supported",
			errors.ErrUnsupported, scheme)
	}
	switch {
	case strings.HasPrefix(dsn, "file:"):
	case semicolonForm.MatchString(dsn):
		return "", fmt.Errorf("%w: a DSN of keywords and semicolons; give a URL: postgres:// or mysql://", dossier.ErrInvalid)
	case keywordForm.MatchString(dsn):
		return "postgresql", nil
	case networkForm.MatchString(dsn):
		return "mysql", nil
	case strayForm.MatchString(dsn):
		return "", fmt.Errorf("%w: the DSN is of no known form; give a URL, postgres:// or mysql://, or the path of an SQLite file",
			dossier.ErrInvalid)
	}
	return "sqlite", nil
}

// redacted is an error whose text has no secrets.
type redacted struct {
	text string
	err  error
}

func (r *redacted) Error() string { return r.text }
func (r *redacted) Unwrap() error { return r.err }

// withoutSecrets takes secrets out of the text of an error, whatever a driver or server puts into it.
func withoutSecrets(err error, secrets []string) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	for _, secret := range secrets {
		for _, form := range []string{secret, url.QueryEscape(secret), url.PathEscape(secret)} {
			if form != "" {
				text = strings.ReplaceAll(text, form, "***")
			}
		}
	}
	if text == err.Error() {
		return err
	}
	return &redacted{text, err}
}

// malformed is the error for a DSN that its driver does not take. The driver's own text may have the password in it.
func malformed(name, form string) error {
	return fmt.Errorf("%w: the DSN of %s is malformed; it is %s; in a URL special characters are escaped as %%2F",
		dossier.ErrInvalid, name, form)
}
