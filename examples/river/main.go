package main

import (
	"context"
	"database/sql"
	"errors"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Getenv("DATABASE_URL"), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// run adds the files as documents and then works until it is interrupted.
func run(ctx context.Context, dsn string, paths []string) error {
	if dsn == "" {
		return errors.New("set DATABASE_URL to a PostgreSQL database: postgres://user@host/database")
	}
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := local.New("data/files", local.Config{})
	if err != nil {
		return err
	}
	registry, err := registryOf(store)
	if err != nil {
		return err
	}
	n, err := newNode(bun.NewDB(db, pgdialect.New()), pool, session.Options{Registry: registry}, time.Minute)
	if err != nil {
		return err
	}
	if err := createSchema(ctx, n, pool); err != nil {
		return err
	}
	for _, path := range paths {
		if err := n.add(ctx, &Document{Title: path, File: fileobject.FromPath(path, fileobject.Options{})}); err != nil {
			return err
		}
	}
	if err := n.client.Start(ctx); err != nil {
		return err
	}
	<-n.client.Stopped()
	return nil
}
