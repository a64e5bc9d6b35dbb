package all

import (
	"fmt"
	"net/url"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/internal/urlparam"
)

func openMemory(u *url.URL, p *urlparam.Set) (dossier.Backend, error) {
	cfg := memory.Config{Name: u.Host, Budget: p.Size("budget")}
	if err := p.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	if u.Opaque != "" || u.Path != "" {
		return nil, fmt.Errorf("%w: a store in memory has no path", dossier.ErrInvalid)
	}
	return memory.New(cfg), nil
}
