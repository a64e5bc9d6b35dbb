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
	keywordForm = regexp.MustCompile(`^\s*(host|hostaddr|port|dbname|user|password|service|sslmode)\s*=`)
	// networkForm is that of go-sql-driver: user:password@tcp(host:port)/database?parameters.
	networkForm = regexp.MustCompile(`(^|@)[a-z0-9]*\([^()]*\)/`)
	// semicolonForm is that of ODBC and ADO.NET, "Host=…;Password=…", which would be taken for the name of a file.
	semicolonForm = regexp.MustCompile(`(?i)(^|;)\s*(password|pwd)\s*=`)
	schemeForm    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)
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
	case keywordForm.MatchString(dsn):
		return "postgresql", nil
	case networkForm.MatchString(dsn):
		return "mysql", nil
	case semicolonForm.MatchString(dsn):
		return "", fmt.Errorf("%w: a DSN of keywords and semicolons; give a URL: postgres:// or mysql://", dossier.ErrInvalid)
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
