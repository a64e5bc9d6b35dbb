package session

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun/dialect/pgdialect"
	"github.com/uptrace/bun/schema"
)

// postgresqlTarget reads a DSN as libpq does, with its environment variables and password file.
func postgresqlTarget(cfg Config, dsn string, role role) (target, error) {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return target{}, malformed("PostgreSQL", "postgres://user:password@host:port/database?sslmode=verify-full")
	}
	set := func(name, value string) {
		if _, written := config.RuntimeParams[name]; !written && !strings.Contains(config.RuntimeParams["options"], name) {
			config.RuntimeParams[name] = value
		}
	}
	set("application_name", cfg.Name)
	set("standard_conforming_strings", "on") // bun's strings are written for it
	if cfg.LockTimeout > 0 {
		set("lock_timeout", fmt.Sprint(cfg.LockTimeout.Milliseconds()))
	}
	if cfg.StatementTimeout > 0 && role != forJournal {
		set("statement_timeout", fmt.Sprint(cfg.StatementTimeout.Milliseconds()))
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = cfg.ConnectTimeout // of each address
	}
	timeout := config.ConnectTimeout * time.Duration(1+len(config.Fallbacks))
	chosen := strings.Contains(dsn, "target_session_attrs") || os.Getenv("PGTARGETSESSIONATTRS") != ""
	if role != forReads && !chosen && severalHosts(config) {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite // the others may be standbys
	}
	t := target{
		connector: patient{stdlib.GetConnector(*config), timeout}, dialect: func() schema.Dialect { return pgdialect.New() },
		pool: cfg.Pool.server(), shown: serverName(config.Host, config.Port, config.Database), secrets: []string{config.Password},
	}
	if role == forJournal {
		t.pool.MaxOpen, t.pool.MaxIdle = cfg.JournalConnections, cfg.JournalConnections
	}
	return t, nil
}

// severalHosts reports whether there is another address than the first; the same one is tried with and without TLS.
func severalHosts(config *pgx.ConnConfig) bool {
	for _, other := range config.Fallbacks {
		if other.Host != config.Host || other.Port != config.Port {
			return true
		}
	}
	return false
}

// serverName is a database in errors.
func serverName(host string, port uint16, database string) string {
	return printable(fmt.Sprintf("%s at %s:%d", database, host, port))
}
