package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/all"
	"github.com/dossier-go/dossier/filetype"
	"github.com/dossier-go/dossier/session"
)

// with calls fn with a manager, the application's or one made from the flags, which is closed afterwards.
func (t *tool) with(cmd *cobra.Command, fn func(*session.Manager) error) (err error) {
	ctx := cmd.Context()
	if t.cfg.Manager != nil {
		m, err := t.cfg.Manager(ctx)
		if err != nil {
			return err
		}
		return fn(m)
	}
	registry := &dossier.Registry{Detector: filetype.Detector{}}
	defer func() { err = errors.Join(err, registry.Close()) }()
	if err := t.openBackends(ctx, registry); err != nil {
		return err
	}
	return t.withDatabase(cmd, registry, fn)
}

// needBackends is for commands that do nothing without one.
func needBackends(m *session.Manager) error {
	if len(m.Registry().Names()) == 0 {
		return fmt.Errorf("%w: no backend; name each that the rows use: --backend uploads=file:///srv/uploads", dossier.ErrInvalid)
	}
	return nil
}

// openBackends registers what the flags name. A name alone, without URL, is the filter of journal. Values are not
// repeated in errors: they may hold secrets.
func (t *tool) openBackends(ctx context.Context, registry *dossier.Registry) error {
	for i, flag := range t.backends {
		name, url, ok := strings.Cut(flag, "=")
		if !ok {
			return fmt.Errorf("--backend number %d: %w: want name=url, such as uploads=file:///srv/uploads", i+1, dossier.ErrInvalid)
		}
		b, err := all.Open(ctx, url)
		if err != nil {
			return fmt.Errorf("--backend number %d: %w", i+1, err)
		}
		if err := registry.Register(name, b); err != nil {
			return fmt.Errorf("--backend number %d: %w", i+1, errors.Join(err, closeBackend(b)))
		}
	}
	return nil
}

func closeBackend(b dossier.Backend) error {
	if closer, ok := b.(interface{ Close() error }); ok {
		return closer.Close()
	}
	return nil
}

// withDatabase calls fn with a manager over an application's database, and makes sure that it is one.
func (t *tool) withDatabase(cmd *cobra.Command, registry *dossier.Registry, fn func(*session.Manager) error) (err error) {
	if t.database == "" {
		return fmt.Errorf("--database: %w: it is missing; name the application's database: --database app.db", dossier.ErrInvalid)
	}
	opts := session.Options{Registry: registry, Logger: slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))}
	m, err := session.Open(cmd.Context(), session.Config{DSN: t.database, Options: opts, MustExist: true, Name: t.cfg.Name})
	switch {
	case errors.Is(err, session.ErrNoSchema):
		return fmt.Errorf("--database: %w; is it the application's database?", err)
	case errors.Is(err, session.ErrNoDatabase):
		return fmt.Errorf("--database: %w; this tool makes none", err)
	case err != nil:
		return fmt.Errorf("--database: %w", err)
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	return fn(m)
}
