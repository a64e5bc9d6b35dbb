package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// How long things may take. There is no limit for a whole request, for a large upload takes as long as it takes: uploads
// are cut off when nothing comes (see patient), downloads when nothing is taken (see filehttp.Config.Stall).
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
	sweepEvery    = time.Minute
)

// run opens the app and serves it until ctx ends, then lets what is under way finish.
func run(ctx context.Context, cfg config, listener net.Listener) (err error) {
	a, err := openApp(ctx, cfg)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	var work sync.WaitGroup
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer func() {
		stop()
		work.Wait()
		err = errors.Join(err, a.close())
	}()
	work.Go(func() { _ = a.manager.RunSweeper(background, sweepEvery) }) // fails only for a bad interval
	fmt.Printf("documents: http://%s\n", shownAddress(listener.Addr()))
	return serve(ctx, background, cfg.grace, listener, counted(&work, a.handler()))
}

// serve answers requests until ctx ends. Requests run under the background context.
func serve(ctx, background context.Context, grace time.Duration, listener net.Listener, handler http.Handler) error {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: 32 << 10,
		BaseContext: func(net.Listener) context.Context { return background },
		ErrorLog:    slog.NewLogLogger(slog.Default().Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	slog.Info("stopping; running requests may finish", "grace", grace)
	limited, cancel := context.WithTimeout(background, grace)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return errors.Join(fmt.Errorf("requests that took longer than %v to finish were cut off", grace), server.Close())
	}
	return nil
}

// counted makes work wait for every request.
func counted(work *sync.WaitGroup, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		work.Add(1)
		defer work.Done()
		next.ServeHTTP(w, r)
	})
}

// shownAddress is the address as a browser takes it.
func shownAddress(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return net.JoinHostPort(host, port)
}
