package session

import (
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/dossier-go/dossier"
	mysqldriver "github.com/go-sql-driver/mysql"
	"github.com/uptrace/bun/dialect/mysqldialect"
	"github.com/uptrace/bun/schema"
)

const mysqlForm = "mysql://user:password@host:port/database?tls=true or user:password@tcp(host:port)/database"

// mysqlTarget reads a URL or a DSN of go-sql-driver's own form, whose parameters both have.
func mysqlTarget(cfg Config, dsn string, role role) (target, error) {
	config, written, err := parseMySQL(dsn)
	if err != nil {
		return target{}, err
	}
	if err := checkWritten(written); err != nil {
		return target{}, err
	}
	config.ClientFoundRows, config.ParseTime, config.Loc = true, true, time.UTC
	if config.Timeout > 0 {
		cfg.ConnectTimeout = config.Timeout
	}
	if config.ConnectionAttributes == "" {
		config.ConnectionAttributes = "program_name:" + strings.NewReplacer(":", " ", ",", " ").Replace(cfg.Name)
	}
	config.Logger = &mysqldriver.NopLogger{} // what it would log is returned as an error
	setVariables(cfg, config, written, role)
	connector, err := mysqldriver.NewConnector(config)
	if err != nil {
		return target{}, malformed("MySQL", mysqlForm)
	}
	t := target{
		connector: patient{connector, cfg.ConnectTimeout}, dialect: func() schema.Dialect { return mysqldialect.New() },
		pool: cfg.Pool.server(), shown: printable(config.DBName + " at " + config.Addr), secrets: []string{config.Passwd},
	}
	if role == forJournal {
		t.pool.MaxOpen, t.pool.MaxIdle = cfg.JournalConnections, cfg.JournalConnections
	}
	return t, nil
}

// setVariables sets variables of the connection. Those for the time of a statement have another name and unit on MariaDB,
// which reads comments that begin with M!, and on MySQL, which reads those with a version that MariaDB skips
// (https://mariadb.com/kb/en/comment-syntax/).
func setVariables(cfg Config, config *mysqldriver.Config, written url.Values, role role) {
	if config.Params == nil {
		config.Params = map[string]string{}
	}
	set := func(name, value string) {
		if !written.Has(name) {
			config.Params[name] = value
		}
	}
	set("time_zone", "'+00:00'") // what the server writes is read as UTC too
	if cfg.LockTimeout > 0 {
		seconds := fmt.Sprint(int64((cfg.LockTimeout + time.Second - 1) / time.Second))
		set("innodb_lock_wait_timeout", seconds)
		set("lock_wait_timeout", seconds) // of table definitions
	}
	if cfg.StatementTimeout > 0 && role != forJournal && !written.Has("max_statement_time") && !written.Has("max_execution_time") {
		set(fmt.Sprintf("/*M!100100 max_statement_time = %.3f, */ /*!80000 max_execution_time = %d, */ @dossier_timeout",
			cfg.StatementTimeout.Seconds(), cfg.StatementTimeout.Milliseconds()), "1")
	}
}

// parseMySQL returns the configuration and the parameters that were written.
func parseMySQL(dsn string) (*mysqldriver.Config, url.Values, error) {
	bad := malformed("MySQL", mysqlForm)
	address := (*url.URL)(nil)
	if schemeForm.MatchString(dsn) {
		u, err := url.Parse(dsn)
		if err != nil || u.Hostname() == "" || u.Fragment != "" || strings.Contains(strings.Trim(u.Path, "/"), "/") {
			return nil, nil, bad
		}
		address, dsn = u, "/"+url.PathEscape(strings.Trim(u.Path, "/"))+"?"+u.RawQuery
	}
	config, err := mysqldriver.ParseDSN(dsn)
	if err != nil {
		return nil, nil, bad
	}
	_, raw, _ := strings.Cut(dsn[strings.LastIndex(dsn, "/"):], "?")
	written, err := url.ParseQuery(raw)
	if err != nil {
		return nil, nil, bad
	}
	if address != nil {
		config.Net, config.Addr = "tcp", address.Host
		if address.Port() == "" {
			config.Addr = net.JoinHostPort(address.Hostname(), "3306")
		}
		config.User = address.User.Username()
		config.Passwd, _ = address.User.Password()
	}
	if config.DBName == "" {
		return nil, nil, fmt.Errorf("%w: the DSN of MySQL names no database; it is %s", dossier.ErrInvalid, mysqlForm)
	}
	return config, written, nil
}

// checkWritten refuses parameters with which rows and files would not stay true to each other.
func checkWritten(written url.Values) error {
	for name, why := range map[string]struct{ want, reason string }{
		"clientFoundRows": {"true", "a row that is there and stays as it is would look like one that is gone"},
		"parseTime":       {"true", "times could not be read"},
		"multiStatements": {"false", "one of several statements may end the transaction unseen"},
	} {
		for _, value := range written[name] {
			yes := strings.EqualFold(value, "true") || value == "1"
			if yes != (why.want == "true") {
				return fmt.Errorf("%w: the DSN has %s=%s: %s; leave it out", dossier.ErrInvalid, name, value, why.reason)
			}
		}
	}
	for _, value := range written["loc"] {
		if value != "UTC" {
			return fmt.Errorf("%w: the DSN has another loc than UTC: times would come back as others; leave it out", dossier.ErrInvalid)
		}
	}
	return nil
}
