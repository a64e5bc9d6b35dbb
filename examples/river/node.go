package main

import (
	"context"
	"errors"
	"time"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/uptrace/bun"
)

// node is one of the processes that share the database and the store.
type node struct {
	manager *session.Manager
	client  *river.Client[pgx.Tx]
}

// newNode makes a node. The session and River have a pool each: neither can take the other's last connection.
func newNode(db *bun.DB, pool *pgxpool.Pool, opts session.Options, every time.Duration) (*node, error) {
	manager, err := session.New(db, opts)
	if err != nil {
		return nil, err
	}
	if err := manager.Register((*Document)(nil)); err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	if err := errors.Join(
		river.AddWorkerSafely(workers, &sweeper{manager: manager}),
		river.AddWorkerSafely(workers, &counter{manager: manager}),
	); err != nil {
		return nil, err
	}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Workers: workers,
		Queues:  map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(every),
			func() (river.JobArgs, *river.InsertOpts) { return sweepArgs{}, nil }, &river.PeriodicJobOpts{RunOnStart: true})},
	})
	if err != nil {
		return nil, err
	}
	return &node{manager, client}, nil
}

// createSchema creates the tables of dossier, of the documents and of River.
func createSchema(ctx context.Context, n *node, pool *pgxpool.Pool) error {
	if err := n.manager.CreateSchema(ctx); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// add stores a document, and the job about it, or neither.
func (n *node) add(ctx context.Context, doc *Document) error {
	return n.manager.Run(ctx, func(ctx context.Context, s *session.Session) error {
		if err := s.Insert(ctx, doc); err != nil {
			return err
		}
		return n.enqueue(ctx, s, countArgs{doc.ID})
	})
}

// enqueue puts a job into the transaction of the session.
func (n *node) enqueue(ctx context.Context, s *session.Session, args river.JobArgs) error {
	return inTransaction(ctx, s, func(tx pgx.Tx) error {
		_, err := n.client.InsertTx(ctx, tx, args, nil)
		return err
	})
}

// registryOf has one store, named as the model's tag says.
func registryOf(store dossier.Backend) (*dossier.Registry, error) {
	registry := &dossier.Registry{}
	return registry, registry.Register("uploads", store)
}
