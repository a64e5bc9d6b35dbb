package main

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/dossier-go/dossier/tools/servers/gcsfront"
	"github.com/fsouza/fake-gcs-server/fakestorage"
)

// googleServer is fake-gcs-server in this process, behind the front that checks what it does not.
type googleServer struct {
	address     string
	credentials string // path of the service account file
	account     *gcsfront.Account
	server      *http.Server
}

func startGoogle(folder string) (*googleServer, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	g := &googleServer{address: listener.Addr().String(), credentials: filepath.Join(folder, "service-account.json")}
	err = g.serve(listener)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return g, nil
}

func (g *googleServer) serve(listener net.Listener) error {
	origin := "http://" + g.address
	emulator, err := fakestorage.NewServerWithOptions(fakestorage.Options{
		NoListener: true, Scheme: "http", PublicHost: g.address, ExternalURL: origin, Writer: io.Discard,
		AllowedCORSHeaders: []string{
			"Content-MD5", "Content-Disposition", "Cache-Control", "X-Goog-Resumable", "X-Goog-Content-Length-Range",
			"X-Goog-If-Generation-Match", "X-Goog-Hash", "X-Goog-Content-SHA256", "X-Goog-Storage-Class", "X-Goog-Acl",
		},
	})
	if err != nil {
		return err
	}
	emulator.CreateBucketWithOpts(fakestorage.CreateBucketOpts{Name: bucket})
	if g.account, err = gcsfront.NewAccount(origin); err != nil {
		return err
	}
	if err := os.WriteFile(g.credentials, g.account.Credentials(), 0o600); err != nil {
		return err
	}
	g.server = &http.Server{Handler: gcsfront.New(emulator.HTTPHandler(), g.account), ReadHeaderTimeout: time.Minute}
	go g.server.Serve(listener)
	return nil
}

func (g *googleServer) environment() []variable {
	return []variable{
		{"DOSSIER_TEST_GCS", "gs://" + bucket + "?endpoint=http://" + g.address},
		{"GOOGLE_APPLICATION_CREDENTIALS", g.credentials},
		{"DOSSIER_TEST_GCS_HMAC_ID", g.account.HMACID},
		{"DOSSIER_TEST_GCS_HMAC_SECRET", g.account.HMACSecret},
	}
}

func (g *googleServer) close() { g.server.Close() }
