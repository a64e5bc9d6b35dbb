package all

import (
	"context"
	"fmt"
	"net/url"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/internal/urlparam"
)

func openMemory(_ context.Context, u *url.URL) (dossier.Backend, error) {
	p, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	cfg := memory.Config{Name: u.Host, Budget: p.Size("budget")}
	if err := p.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	if u.Opaque != "" || u.Path != "" {
		return nil, fmt.Errorf("%w: a store in memory has no path", dossier.ErrInvalid)
	}
	return memory.New(cfg), nil
}
