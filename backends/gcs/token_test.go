package gcs_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"cloud.google.com/go/auth/credentials"
	"cloud.google.com/go/storage"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/gcs"
)

// TestTokenThatCannotBeHad is a matter of the credentials, or of the way to who gives tokens, and never of the object.
func TestTokenThatCannotBeHad(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]error{
		http.StatusBadRequest: dossier.ErrUnauthenticated, http.StatusUnauthorized: dossier.ErrUnauthenticated,
		http.StatusServiceUnavailable: dossier.ErrUnavailable,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		}))
		t.Cleanup(server.Close)
		file, _ := json.Marshal(map[string]string{
			"type": "service_account", "client_email": testAccount, "private_key": string(anyKey()), "token_uri": server.URL, "private_key_id": "1",
		})
		found, err := credentials.NewCredentialsFromJSON(credentials.ServiceAccount, file, &credentials.DetectOptions{Scopes: []string{storage.ScopeFullControl}})
		if err != nil {
			t.Fatal(err)
		}
		f := newFake(t)
		client, err := storage.NewClient(t.Context(), option.WithEndpoint(f.URL+"/storage/v1/"), option.WithAuthCredentials(found))
		if err != nil {
			t.Fatal(err)
		}
		b, err := gcs.New(client, "bucket", gcs.Config{Endpoint: f.URL})
		if err != nil {
			t.Fatal(err)
		}
		_, stat := b.Stat(t.Context(), "a")
		_, write := put(t, b, "a", "content", dossier.PutOptions{})
		for _, err := range []error{stat, write} {
			wantError(t, err, want)
			if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
				t.Errorf("%v: nothing was sent", err)
			}
		}
		if sent := f.count(func(*http.Request) bool { return true }); sent != 0 {
			t.Errorf("%d requests without a token", sent)
		}
	}
}
