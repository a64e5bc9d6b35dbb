package faultkit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing/iotest"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
)

// work is one thing that a process of the harness does.
type work struct {
	name string
	role role
	do   func(ctx context.Context, c *child) error
}

// works lists everything that happens in the life of rows and files.
var works = []work{
	{"insert", application, run((*child).insert)},
	{"insert two", application, run((*child).insertTwo)},
	{"add and flush", application, run((*child).addAndFlush)},
	{"replace", application, run((*child).replace)},
	{"clear", application, run((*child).clear)},
	{"delete", application, run((*child).delete)},
	{"delete where", application, run((*child).deleteWhere)},
	{"clear where", application, run((*child).clearWhere)},
	{"append", application, run((*child).appendPage)},
	{"remove", application, run((*child).removePage)},
	{"move", application, run((*child).move)},
	{"clone", application, run((*child).clone)},
	{"nested", application, run((*child).nested)},
	{"nested undone", application, run((*child).nestedUndone)},
	{"roll back", application, run((*child).rollBack)},
	{"stage and insert", application, run((*child).stageAndInsert)},
	{"stage", application, run((*child).stageOnly)},
	{"upload fails", application, run((*child).uploadFails)},
	{"sweep too", application, sweep},
	{"sweep", sweeper, sweep},
	{"sweep intent", sweeper, sweepIntent},
	{"sweep orders", sweeper, sweepOrders},
	{"reclaim", sweeper, reclaim},
}

// sideWorks are about side files, which only SQLite has.
var sideWorks = []work{
	{"sweep side file", sweeper, sweepSideFile},
	{"sweep marker", sweeper, sweepMarker},
}

// worksOn are the works that a world with this database and cloud store does, or with a folder if there is none.
func worksOn(on, storeURL string) []work {
	all := works
	if on == "sqlite" {
		all = slices.Concat(all, sideWorks)
	}
	switch {
	case storeURL != "":
		all = slices.Concat(all, cloudWorks)
	case on == "sqlite":
		all = slices.Concat(all, scratchWorks)
	}
	return all
}

func (c *child) worksOf(r role) []work {
	return slices.DeleteFunc(slices.Clone(worksOn(c.world.in.On, c.world.url)), func(w work) bool { return w.role != r })
}

func workNamed(name string) work {
	all := slices.Concat(works, sideWorks, scratchWorks, cloudWorks)
	return all[slices.IndexFunc(all, func(w work) bool { return w.name == name })]
}

// run makes a unit of work of a method.
func run(fn func(c *child, ctx context.Context, s *session.Session) error) func(context.Context, *child) error {
	return func(ctx context.Context, c *child) error {
		return c.world.manager.Run(ctx, func(ctx context.Context, s *session.Session) error { return fn(c, ctx, s) })
	}
}

// file makes new content of up to 2 KiB, none of it twice.
func (c *child) file() *fileobject.FileObject {
	content := fmt.Appendf(nil, "%x\n", c.random.Uint64())
	content = append(content, bytes.Repeat([]byte{'x'}, c.random.IntN(2048))...)
	return fileobject.FromBytes("page.txt", content, fileobject.Options{})
}

// document makes a new row with a file and up to two pages.
func (c *child) document() *document {
	d := &document{Title: "kept", Shelf: 1 + c.random.IntN(1000), File: c.file()}
	for range c.random.IntN(3) {
		d.Pages = append(d.Pages, c.file())
	}
	return d
}

// pick chooses a row; model.UUID is zero when there is none, and whoever looks for it then finds nothing.
func (c *child) pick(ctx context.Context) (model.UUID, error) {
	var ids []document
	err := c.world.manager.DB().NewSelect().Model(&ids).Column("id").OrderExpr(c.world.in.anyRow()).Limit(1).Scan(ctx)
	if err != nil || len(ids) == 0 {
		return model.UUID{}, err
	}
	return ids[0].UUID, nil
}

// load chooses a row and reads it.
func (c *child) load(ctx context.Context, s *session.Session) (*document, error) {
	id, err := c.pick(ctx)
	if err != nil {
		return nil, err
	}
	d := &document{UUID: id}
	return d, s.Get(ctx, d)
}

func (c *child) insert(ctx context.Context, s *session.Session) error {
	return s.Insert(ctx, c.document())
}

func (c *child) insertTwo(ctx context.Context, s *session.Session) error {
	return errors.Join(s.Insert(ctx, c.document()), s.Insert(ctx, c.document()))
}

func (c *child) addAndFlush(ctx context.Context, s *session.Session) error {
	s.Add(c.document(), c.document())
	if err := s.Flush(ctx); err != nil {
		return err
	}
	s.Add(c.document())
	return nil
}

func (c *child) replace(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil {
		return err
	}
	d.File = c.file()
	return s.Update(ctx, d)
}

func (c *child) clear(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil {
		return err
	}
	d.File, d.Pages = nil, nil
	return s.Update(ctx, d)
}

func (c *child) delete(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil {
		return err
	}
	return s.Delete(ctx, d)
}

func (c *child) deleteWhere(ctx context.Context, s *session.Session) error {
	_, err := s.DeleteWhere(ctx, (*document)(nil), "shelf % 4 = ?", c.random.IntN(4))
	return err
}

func (c *child) clearWhere(ctx context.Context, s *session.Session) error {
	_, err := s.UpdateWhere(ctx, (*document)(nil), map[string]any{"file": nil}, "shelf % 4 = ?", c.random.IntN(4))
	return err
}

func (c *child) appendPage(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil || len(d.Pages) > 4 {
		return err
	}
	return s.AppendFiles(ctx, d, "pages", c.file())
}

func (c *child) removePage(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil || len(d.Pages) == 0 {
		return err
	}
	return s.RemoveFiles(ctx, d, "pages", d.Pages[0])
}

// move takes the file of one row and puts it into another, whose own is deleted.
func (c *child) move(ctx context.Context, s *session.Session) error {
	from, err := c.load(ctx, s)
	if err != nil {
		return err
	}
	to, err := c.load(ctx, s)
	if err != nil || from.ID == to.ID {
		return err
	}
	to.File, from.File = from.File, nil
	if err := s.Update(ctx, from); err != nil {
		return err
	}
	return s.Update(ctx, to)
}

func (c *child) clone(ctx context.Context, s *session.Session) error {
	d, err := c.load(ctx, s)
	if err != nil || d.File == nil {
		return err
	}
	return s.Insert(ctx, &document{Title: "clone", Shelf: 1 + c.random.IntN(1000), File: d.File.Clone(fileobject.Options{})})
}

func (c *child) nested(ctx context.Context, s *session.Session) error {
	err := s.Nested(ctx, func(ctx context.Context) error { return s.Insert(ctx, c.document()) })
	if err != nil {
		return err
	}
	return s.Insert(ctx, c.document())
}

// never is the title of rows that must not be seen after a commit.
const never = "never"

func (c *child) nestedUndone(ctx context.Context, s *session.Session) error {
	err := s.Nested(ctx, func(ctx context.Context) error {
		d := c.document()
		d.Title = never
		return errors.Join(s.Insert(ctx, d), errDeliberate)
	})
	if !errors.Is(err, errDeliberate) || c.random.IntN(2) == 0 {
		return err
	}
	return s.Insert(ctx, c.document())
}

func (c *child) rollBack(ctx context.Context, s *session.Session) error {
	one, two := c.document(), c.document()
	one.Title, two.Title = never, never
	return errors.Join(s.Insert(ctx, one), s.Insert(ctx, two), errDeliberate)
}

func (c *child) stageAndInsert(ctx context.Context, s *session.Session) error {
	one, two := c.document(), c.document()
	if err := s.Stage(ctx, one, two); err != nil {
		return err
	}
	return errors.Join(s.Insert(ctx, one), s.Insert(ctx, two))
}

// stageOnly uploads and writes no row, or another one.
func (c *child) stageOnly(ctx context.Context, s *session.Session) error {
	if err := s.Stage(ctx, c.document()); err != nil || c.random.IntN(2) == 0 {
		return err
	}
	return s.Insert(ctx, &document{Title: "bare", Shelf: 1})
}

// uploadFails has a source that breaks when its type is known, so that the upload has begun; others of the same call may
// have succeeded.
func (c *child) uploadFails(ctx context.Context, s *session.Session) error {
	d := c.document()
	d.Title = never
	broken := io.MultiReader(bytes.NewReader(make([]byte, 8<<10)), iotest.ErrReader(errDeliberate))
	d.Pages = append(d.Pages, fileobject.FromReader("broken.txt", broken, fileobject.Options{}))
	return s.Insert(ctx, d)
}
