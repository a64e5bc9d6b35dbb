package backendtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/dossier-go/dossier"
)

func networkOutageCases() []contractCase {
	return []contractCase{
		{
			name: "network/outage", groups: []int{14, 54, 86}, network: true, run: networkOutage,
			sentence: "While every request is broken, every operation fails with ErrUnavailable or ErrThrottled and says truly what became of the object.",
		},
		{
			name: "network/throttled", groups: []int{82}, network: true, run: networkThrottled,
			sentence: "A store that asks for fewer requests is asked again, and if it goes on to do so the error is ErrThrottled or ErrUnavailable, and retryable.",
		},
		{
			name: "network/refused", groups: []int{54}, network: true, run: networkRefused,
			sentence: "A store that cannot be reached is ErrUnavailable in every operation, never ErrNotExist, and nothing was changed.",
		},
	}
}

// reading is every operation that changes nothing.
func (t *trial) readings() map[string]func(ctx context.Context) error {
	all := map[string]func(ctx context.Context) error{
		"get": func(ctx context.Context) error {
			object, err := t.backend.Get(ctx, copySource, dossier.GetOptions{})
			if err == nil {
				_, err = readAll(object)
			}
			return err
		},
		"stat":    func(ctx context.Context) error { _, err := t.backend.Stat(ctx, copySource); return err },
		"missing": func(ctx context.Context) error { _, err := t.backend.Stat(ctx, "missing"); return err },
	}
	if lister.in(t.backend) {
		all["list"] = func(ctx context.Context) error {
			return firstError(dossier.List(ctx, t.backend, dossier.ListOptions{}))
		}
	}
	if uploader.in(t.backend) && t.can(dossier.Multipart) {
		all["uploads"] = func(ctx context.Context) error { return firstError(t.parts().Uploads(ctx, "")) }
	}
	return all
}

// down fails unless err says that the store does not work now.
func (t *trial) down(what string, err error) {
	t.Helper()
	if !errors.Is(err, dossier.ErrUnavailable) && !errors.Is(err, dossier.ErrThrottled) {
		t.Errorf("%s: %v; want ErrUnavailable or ErrThrottled", what, err)
	}
	t.truthful(what, err)
}

func networkOutage(t *trial) {
	t.begin()
	for name, fault := range map[string]Fault{
		"reset": {Kind: ResetRequest}, "500": {Kind: Answer, Status: http.StatusInternalServerError}, "503": unavailable(),
		"a gateway's page": {
			Kind: Answer, Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Bad Gateway</html>",
		},
	} {
		everywhere := func(int, *http.Request) *Fault { return &fault }
		for reads, do := range t.readings() {
			t.proxy.Follow(everywhere)
			err := do(t.ctx)
			t.proxy.Follow(nil)
			t.down(reads+", always "+name, err)
		}
		for _, w := range t.writings() {
			if !w.possible(t) || w.large {
				continue
			}
			key := w.prepare(t, t.round())
			t.proxy.Follow(everywhere)
			err := w.do(t, t.ctx, key)
			t.proxy.Follow(nil)
			t.judge(w, key, err, fault, "always "+name)
			t.down(w.name+", always "+name, err)
		}
	}
}

func networkThrottled(t *trial) {
	t.begin()
	tooMany := Fault{Kind: Answer, Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}}
	for name, fault := range map[string]Fault{"503": unavailable(), "429": tooMany} {
		t.proxy.Follow(only(0, fault))
		got, err := t.getAll(copySource, dossier.Range{})
		if err == nil && got != copyContent {
			t.Errorf("%s once: %q", name, got)
		}
		if err != nil {
			t.retryable(name+" once", err)
		}
		t.proxy.Follow(func(int, *http.Request) *Fault { return &fault })
		for operation, do := range map[string]func() error{
			"stat": func() error { _, err := t.backend.Stat(t.ctx, copySource); return err },
			"put": func() error {
				_, err := t.backend.Put(t.ctx, "network/throttled", dossier.BytesSource([]byte("x")), dossier.PutOptions{})
				return err
			},
		} {
			t.within(operation, func() { t.retryable(fmt.Sprintf("%s, always %s", operation, name), do()) })
		}
		t.proxy.Follow(nil)
		t.absent("network/throttled")
	}
}

// retryable fails unless err says that the store asked to be left alone for now.
func (t *trial) retryable(what string, err error) {
	t.Helper()
	t.down(what, err)
	var typed *dossier.Error
	if errors.As(err, &typed) && !typed.Retryable {
		t.Errorf("%s: %v is not retryable", what, err)
	}
}

func networkRefused(t *trial) {
	t.begin()
	var keys []string
	for _, w := range t.writings() {
		keys = append(keys, w.prepare(t, t.round()))
	}
	t.proxy.Close()
	t.closed = true // nobody can look for what is left
	t.within("noticing the end of the connections", func() {
		for op := (*net.OpError)(nil); op == nil || op.Op != "dial"; {
			_, err := t.backend.Stat(t.ctx, copySource) // an old connection ends with doubts about the request
			_ = errors.As(err, &op)
		}
	})
	for name, do := range t.readings() {
		t.refusedBy(name, do(t.ctx))
	}
	for i, w := range t.writings() {
		if w.possible(t) {
			t.refusedBy(w.name, w.do(t, t.ctx, keys[i]))
		}
	}
}

// refusedBy fails unless err is that of a connection that was refused.
func (t *trial) refusedBy(what string, err error) {
	t.Helper()
	t.down(what+" without a connection", err)
	var cause *net.OpError
	if !errors.As(err, &cause) {
		t.Errorf("%s: %v hides the *net.OpError", what, err)
	}
	if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		t.Errorf("%s: %v; nothing is unknown when there is no connection", what, err)
	}
}
