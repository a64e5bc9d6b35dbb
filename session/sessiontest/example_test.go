package sessiontest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/session"
	"github.com/dossier-go/dossier/session/sessiontest"
	"github.com/uptrace/bun"
)

type Photo struct {
	bun.BaseModel `bun:"table:photos"`
	model.UUID
	File *fileobject.FileObject `bun:"file" file:"photos"`
}

// t stands for the parameter of a test function.
var t = &exampleTest{TB: new(testing.T)}

// exampleTest is a testing.TB for an example, which has none.
type exampleTest struct {
	testing.TB
	cleanup []func()
}

func (e *exampleTest) Helper()                  {}
func (e *exampleTest) Context() context.Context { return context.Background() }
func (e *exampleTest) Cleanup(fn func())        { e.cleanup = append(e.cleanup, fn) }
func (e *exampleTest) Fatal(args ...any)        { panic(fmt.Sprint(args...)) }

// end runs what a test would run at its end.
func (e *exampleTest) end() {
	for len(e.cleanup) > 0 {
		last := len(e.cleanup) - 1
		fn := e.cleanup[last]
		e.cleanup = e.cleanup[:last]
		fn()
	}
}

// In a test: m := sessiontest.New(t, (*Photo)(nil)).
func ExampleNew() {
	defer t.end()
	m := sessiontest.New(t, (*Photo)(nil))
	photo := &Photo{File: fileobject.FromBytes("cat.txt", []byte("a cat"), fileobject.Options{})}
	err := m.Run(t.Context(), func(ctx context.Context, s *session.Session) error { return s.Insert(ctx, photo) })
	content, _ := photo.File.Content(t.Context())
	fmt.Println(err, string(content))
	// Output: <nil> a cat
}
