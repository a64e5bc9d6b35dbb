package faultkit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dossier-go/dossier/internal/filelock"
	"github.com/dossier-go/dossier/journal"
)

var sweepOptions = journal.SweepOptions{Claim: crashClaim, Quarantine: crashQuarantine}

// sweep is what a sweeper process does now and then. That every delete works is part of what is tested.
func sweep(ctx context.Context, c *child) error {
	report, err := c.world.manager.Sweep(ctx, sweepOptions)
	if err == nil && report.Failed+report.Parked > 0 {
		err = fmt.Errorf("%d deletes failed", report.Failed+report.Parked)
	}
	return err
}

// reclaim removes temporary files of dead processes while others are writing theirs.
func reclaim(ctx context.Context, c *child) error {
	if c.world.url != "" {
		return nil // nobody can tell the uploads of the dead from those of the living
	}
	_, err := c.world.uploads.Reclaim(ctx, 0)
	return err
}

// sweepOrders sweeps when there surely are orders.
func sweepOrders(ctx context.Context, c *child) error {
	return errors.Join(c.world.hurry(ctx), sweep(ctx, c))
}

// abandoned names an object that a dead process has left.
func (c *child) abandoned() string {
	return fmt.Sprintf("documents/%d/%x.txt", 1+c.random.IntN(1000), c.random.Uint64())
}

// leave writes the bytes of an abandoned object, past all code that is tested.
func (c *child) leave(key string) error {
	if c.world.url != "" {
		return c.world.leaveObject(context.Background(), key)
	}
	path := filepath.Join(storeFolder(c.orders.Dir), filepath.FromSlash(key))
	for {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		err := os.WriteFile(path, []byte("left behind"), 0o600)
		if !errors.Is(err, os.ErrNotExist) { // else somebody removed the empty folder meanwhile
			return err
		}
	}
}

// sweepIntent leaves what a process leaves that died behind an upload, and sweeps.
func sweepIntent(ctx context.Context, c *child) error {
	key, id := c.abandoned(), journal.NewID()
	err := c.world.execute(ctx, "INSERT INTO dossier_journal (id, backend, store, object_key, state, intent, owner, due_at, created_at) "+
		"VALUES (?, 'uploads', ?, ?, 'pending', TRUE, 'session', 1e15, 0)", id, c.world.store.Describe().Store, key)
	if err != nil {
		return err
	}
	if err := c.leave(key); err != nil {
		return err
	}
	return errors.Join(c.world.execute(ctx, "UPDATE dossier_journal SET due_at = 0 WHERE id = ?", id), sweep(ctx, c))
}

// sweepSideFile leaves what a process leaves that died behind an upload inside its transaction, and sweeps.
func sweepSideFile(ctx context.Context, c *child) error {
	if err := c.leaveSideFile(c.abandoned()); err != nil {
		return err
	}
	return sweep(ctx, c)
}

// leaveSideFile writes a side file and the object that it lists. It holds the lock meanwhile: this process is not dead
// yet.
func (c *child) leaveSideFile(key string) error {
	folder, id := sideFolder(c.orders.Dir), journal.NewID()
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	draft := filepath.Join(folder, id+".draft")
	file, err := os.Create(draft)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "dossier side file v1\n{\"backend\":\"uploads\",\"store\":%q,\"key\":%q}\n", c.world.store.Describe().Store, key)
	if err == nil {
		err = filelock.TryLock(file)
	}
	if err == nil {
		err = os.Rename(draft, filepath.Join(folder, id+".intent"))
	}
	if err == nil {
		err = c.leave(key)
	}
	return errors.Join(err, file.Close())
}

// sweepMarker leaves a marker whose side file is gone, as a process does that died between the two, and sweeps.
func sweepMarker(ctx context.Context, c *child) error {
	id := journal.NewID()
	err := c.world.execute(ctx, "INSERT INTO dossier_journal (id, backend, store, object_key, state, due_at, created_at) "+
		"VALUES (?, '', 'side file', ?, 'marker', 0, 0)", id, id)
	return errors.Join(err, sweep(ctx, c))
}
