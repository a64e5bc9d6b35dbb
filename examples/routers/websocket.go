package routers

import (
	"context"
	"net/http"

	"github.com/coder/websocket"
	"github.com/dossier-go/dossier/fileobject"
	"github.com/dossier-go/dossier/session"
)

// Websocket stores each message as a paper. The upgrade ends the session of the request, if it had one: a connection may
// live for days, so each message is a unit of work of its own, and its answer is sent after the commit.
func Websocket(m *session.Manager) http.Handler {
	return m.Middleware(session.Autocommit{})(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, nil)
		if err != nil {
			return // Accept has answered
		}
		defer conn.CloseNow()
		for {
			_, message, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			answer := "stored"
			if err := storeMessage(r.Context(), m, string(message)); err != nil {
				answer = "not stored"
			}
			if conn.Write(r.Context(), websocket.MessageText, []byte(answer)) != nil {
				return
			}
		}
	}))
}

func storeMessage(ctx context.Context, m *session.Manager, title string) error {
	return m.Run(ctx, func(ctx context.Context, s *session.Session) error {
		f := fileobject.FromBytes("message.txt", []byte(title), fileobject.Options{})
		return s.Insert(ctx, &Paper{Title: title, File: f})
	})
}
