package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// patience is how long the servers may take to be ready, on a machine that is busy.
	patience = 90 * time.Second
	// attempts is how often a server is started that ends at once, because another program took its port.
	attempts = 3
)

// variable is one variable of the environment that the tests read.
type variable struct{ name, value string }

// fleet is all servers, running, with what they need in one folder.
type fleet struct {
	children    []*child
	google      *googleServer
	environment []variable
}

// startFleet starts all servers, with logs and data below the folder, and waits until each has its bucket. After an
// error nothing runs.
func startFleet(bin, folder string) (_ *fleet, err error) {
	f := &fleet{}
	defer func() {
		if err != nil {
			f.kill()
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if f.google, err = startGoogle(filepath.Join(folder, "google")); err != nil {
		return nil, fmt.Errorf("fake-gcs-server: %w", err)
	}
	all := stores()
	addresses := make([]string, len(all))
	for i, s := range all { // all at once: each needs a moment
		var c *child
		if c, addresses[i], err = s.launch(bin, filepath.Join(folder, s.name)); err != nil {
			return nil, err
		}
		f.children = append(f.children, c)
	}
	for i, s := range all {
		if addresses[i], err = f.await(ctx, i, s, bin, filepath.Join(folder, s.name), addresses[i]); err != nil {
			return nil, err
		}
		f.environment = append(f.environment, variable{s.variable, s.url(addresses[i])})
	}
	f.environment = append(f.environment, f.google.environment()...)
	f.environment = append(f.environment, credentials()...)
	return f, nil
}

func (s store) launch(bin, folder string) (*child, string, error) {
	for _, name := range []string{"data", "versions", "sidecar"} {
		if err := os.MkdirAll(filepath.Join(folder, name), 0o700); err != nil {
			return nil, "", err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return nil, "", err
	}
	command, environment := s.command(bin, folder, address)
	c, err := launch(folder, s.name, environment, command...)
	return c, address, err
}

// await waits for the i-th server and makes its bucket. A server that ends at once is started again on another port.
func (f *fleet) await(ctx context.Context, i int, s store, bin, folder, address string) (string, error) {
	for attempt := 1; ; attempt++ {
		err := f.children[i].await(ctx, s.ready(address))
		switch {
		case err == nil:
			if err := s.create(ctx, address); err != nil {
				return "", f.children[i].failure(fmt.Errorf("creating the bucket: %w", err))
			}
			return address, nil
		case attempt == attempts || f.children[i].alive():
			return "", err
		}
		if f.children[i], address, err = s.launch(bin, folder); err != nil {
			return "", err
		}
	}
}

// credentials are the variables that the default credential chains of the SDKs read, and those of an unlucky
// environment that would lead them elsewhere, emptied.
func credentials() []variable {
	return []variable{
		{"AWS_ACCESS_KEY_ID", s3AccessKey},
		{"AWS_SECRET_ACCESS_KEY", s3Secret},
		{"AWS_SESSION_TOKEN", ""},
		{"AWS_PROFILE", ""},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"AZURE_STORAGE_ACCOUNT", azureAccount},
		{"AZURE_STORAGE_KEY", azureAccessKey},
		{"STORAGE_EMULATOR_HOST", ""},
	}
}

// exports is the environment as lines for a shell.
func (f *fleet) exports() string {
	var lines strings.Builder
	for _, v := range f.environment {
		fmt.Fprintf(&lines, "export %s='%s'\n", v.name, strings.ReplaceAll(v.value, "'", `'\''`))
	}
	return lines.String()
}

// broken says which servers have ended by themselves.
func (f *fleet) broken() error {
	var broken []error
	for _, c := range f.children {
		if !c.alive() {
			broken = append(broken, c.failure(errors.New("ended before it was stopped")))
		}
	}
	return errors.Join(broken...)
}

func (f *fleet) kill() {
	for _, c := range f.children {
		if c != nil {
			c.kill()
		}
	}
	if f.google != nil {
		f.google.close()
	}
}

func split(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}
