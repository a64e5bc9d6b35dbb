package all

import (
	"fmt"
	"net/url"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

func openMemory(u *url.URL, p *parameters) (dossier.Backend, error) {
	cfg := memory.Config{Name: u.Host, Budget: p.size("budget")}
	if err := p.done(); err != nil {
		return nil, err
	}
	if u.Opaque != "" || u.Path != "" {
		return nil, fmt.Errorf("%w: a store in memory has no path", dossier.ErrInvalid)
	}
	return memory.New(cfg), nil
}
