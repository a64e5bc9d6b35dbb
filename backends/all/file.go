package all

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

func openFile(u *url.URL, p *parameters) (dossier.Backend, error) {
	cfg := local.Config{
		MustExist:        !p.truth("create"),
		Durability:       []local.Durability{local.Durable, local.Fast}[p.choice("durability", "durable", "fast")],
		FileMode:         p.mode("file_mode"),
		DirMode:          p.mode("dir_mode"),
		AllowFoldedNames: p.truth("allow_folded_names"),
		Attributes:       []local.Attributes{local.AttributesAuto, local.AttributesRequired, local.AttributesNone}[p.choice("attributes", "auto", "required", "none")],
	}
	if err := p.done(); err != nil {
		return nil, err
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
