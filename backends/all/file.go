package all

import (
	"context"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/internal/urlparam"
)

func openFile(_ context.Context, u *url.URL) (dossier.Backend, error) {
	p, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	cfg := local.Config{
		MustExist:        !p.Truth("create"),
		Durability:       []local.Durability{local.Durable, local.Fast}[p.Choice("durability", "durable", "fast")],
		FileMode:         p.Mode("file_mode"),
		DirMode:          p.Mode("dir_mode"),
		AllowFoldedNames: p.Truth("allow_folded_names"),
		Attributes:       []local.Attributes{local.AttributesAuto, local.AttributesRequired, local.AttributesNone}[p.Choice("attributes", "auto", "required", "none")],
	}
	if err := p.Done(); err != nil {
		return nil, fmt.Errorf("%w: %w", dossier.ErrInvalid, err)
	}
	folder, err := folderOf(u)
	if err != nil {
		return nil, err
	}
	b, err := local.New(folder, cfg)
	if err != nil {
		return nil, err // not a nil *local.Backend in an interface that is not nil
	}
	return b, nil
}

// folderOf returns the path of a file URL (RFC 8089).
func folderOf(u *url.URL) (string, error) {
	if u.Host != "" && u.Host != "localhost" {
		return "", fmt.Errorf("%w: the URL names a host; a folder of this machine has three slashes", dossier.ErrInvalid)
	}
	path := filepath.FromSlash(u.Path)
	if drive := filepath.VolumeName(strings.TrimPrefix(path, `\`)); drive != "" {
		path = strings.TrimPrefix(path, `\`) // \C:\folder
	}
	if u.Opaque != "" || !filepath.IsAbs(path) {
		return "", fmt.Errorf("%w: the folder is not absolute", dossier.ErrInvalid)
	}
	return path, nil
}
