package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// memoryCycle are changes of a row that has the file "one" and the pages "p" and "q", with what is left afterwards.
var memoryCycle = map[string]struct {
	change func(ctx context.Context, s *session.Session, p *paper) error
	fails  error
	want   []string
}{
	"replace": {func(ctx context.Context, s *session.Session, p *paper) error {
		p.File = text("two")
		return s.Update(ctx, p)
	}, nil, []string{"two", "p", "q"}},
	"replace twice": {func(ctx context.Context, s *session.Session, p *paper) error {
		p.File = text("two")
		err := s.Update(ctx, p)
		p.File = text("three")
		return errors.Join(err, s.Update(ctx, p))
	}, nil, []string{"three", "p", "q"}},
	"replace and fail": {func(ctx context.Context, s *session.Session, p *paper) error {
		p.File = text("two")
		return errors.Join(s.Update(ctx, p), errInjected)
	}, errInjected, []string{"one", "p", "q"}},
	"clear": {func(ctx context.Context, s *session.Session, p *paper) error {
		p.File, p.Pages = nil, p.Pages[:1]
		return s.Update(ctx, p)
	}, nil, []string{"p"}},
	"delete": {func(ctx context.Context, s *session.Session, p *paper) error { return s.Delete(ctx, p) }, nil, nil},
	"delete and fail": {func(ctx context.Context, s *session.Session, p *paper) error {
		return errors.Join(s.Delete(ctx, p), errInjected)
	}, errInjected, []string{"one", "p", "q"}},
	"lists": {func(ctx context.Context, s *session.Session, p *paper) error {
		gone := p.Pages[0]
		return errors.Join(s.AppendFiles(ctx, p, "pages", text("r"), text("s")), s.RemoveFiles(ctx, p, "pages", gone))
	}, nil, []string{"one", "q", "r", "s"}},
	"second row": {func(ctx context.Context, s *session.Session, p *paper) error {
		return s.Insert(ctx, &paper{Title: "b", File: p.File})
	}, dossier.ErrConflict, []string{"one", "p", "q"}},
	"clone": {func(ctx context.Context, s *session.Session, p *paper) error {
		return s.Insert(ctx, &paper{Title: "b", File: p.File.Clone(fileobject.Options{})})
	}, nil, []string{"one", "one", "p", "q"}},
	"move": {func(ctx context.Context, s *session.Session, p *paper) error {
		moved := p.File
		p.File = nil
		return errors.Join(s.Update(ctx, p), s.Insert(ctx, &paper{Title: "b", File: moved}))
	}, nil, []string{"one", "p", "q"}},
	"savepoint undone": {func(ctx context.Context, s *session.Session, p *paper) error {
		err := s.Nested(ctx, func(ctx context.Context) error {
			p.File = text("two")
			return errors.Join(s.Update(ctx, p), s.Insert(ctx, &paper{Title: "b", File: text("three")}), errInjected)
		})
		if !errors.Is(err, errInjected) {
			return err
		}
		return s.Insert(ctx, &paper{Title: "c", File: text("four")})
	}, nil, []string{"one", "p", "q", "four"}},
	"savepoint released, all undone": {func(ctx context.Context, s *session.Session, p *paper) error {
		return errors.Join(errInjected, s.Nested(ctx, func(ctx context.Context) error {
			p.File = text("two")
			return s.Update(ctx, p)
		}))
	}, errInjected, []string{"one", "p", "q"}},
	"staged inside and not used": {func(ctx context.Context, s *session.Session, p *paper) error {
		return errors.Join(s.Update(ctx, p, "title"), s.Stage(ctx, &paper{File: text("two")}))
	}, nil, []string{"one", "p", "q"}},
}

// A database in memory has no side files and a store in memory no folder: the life cycle is the same.
func TestLifeCycleInMemory(t *testing.T) {
	t.Parallel()
	for name, c := range memoryCycle {
		for when, options := range map[string]session.Options{"at once": {DeleteAfter: session.AtOnce}, "later": {}} {
			t.Run(name+"/"+when, func(t *testing.T) {
				t.Parallel()
				w := newMemoryWorld(t, options)
				w.insert(&paper{Title: "a", File: text("one"), Pages: fileobject.List{text("p"), text("q")}})
				id := w.onlyID()
				err := w.try(func(ctx context.Context, s *session.Session) error {
					p := &paper{}
					if err := s.Get(ctx, p, id); err != nil {
						return err
					}
					return c.change(ctx, s, p)
				})
				if !errors.Is(err, c.fails) {
					t.Errorf("Run returned %v, want %v", err, c.fails)
				}
				if options.DeleteAfter == session.AtOnce {
					w.wantObjects(c.want...)
				}
				w.settle(c.want...)
			})
		}
	}
}
