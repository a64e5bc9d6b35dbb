package session_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/sqlitedialect"
)

// The status of the answer decides: 201 commits, 422 undoes what was written.
func ExampleManager_Middleware() {
	type Paper struct {
		bun.BaseModel `bun:"table:papers"`
		ID            int64                  `bun:"id,pk,autoincrement"`
		Title         string                 `bun:"title"`
		File          *fileobject.FileObject `bun:"file" file:"uploads"`
	}
	registry := &dossier.Registry{}
	_ = registry.Register("uploads", memory.New(memory.Config{}))
	pool, _ := sql.Open("sqlite", "file:/example-middleware?vfs=memdb")
	defer pool.Close()
	manager, _ := session.New(bun.NewDB(pool, sqlitedialect.New()), session.Options{Registry: registry})
	_ = manager.Register((*Paper)(nil))
	_ = manager.CreateSchema(context.Background())

	mux := http.NewServeMux()
	mux.HandleFunc("POST /papers", func(w http.ResponseWriter, r *http.Request) {
		s, _ := manager.FromContext(r.Context())
		paper := &Paper{Title: r.FormValue("title"), File: fileobject.FromBytes("a.txt", []byte("content"), fileobject.Options{})}
		if err := s.Insert(r.Context(), paper); err != nil {
			http.Error(w, "not stored", http.StatusInternalServerError)
			return
		}
		if paper.Title == "" {
			http.Error(w, "a title is needed", http.StatusUnprocessableEntity)
			return
		}
		w.WriteHeader(http.StatusCreated)
	})
	handler := manager.Middleware(session.Autocommit{})(mux)

	for _, query := range []string{"?title=Plan", ""} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/papers"+query, nil))
		rows, _ := manager.DB().NewSelect().Model((*Paper)(nil)).Count(context.Background())
		fmt.Println(answer.Code, rows)
	}
	// Output:
	// 201 1
	// 422 1
}
