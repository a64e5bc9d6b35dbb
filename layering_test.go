package dossier_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// module is the import path of the root package.
const module = "github.com/dossier-go/dossier"

// layer is what the non-test files of a folder may import besides the standard library.
type layer struct {
	folder   string   // from the root of the module, "." being the root; with "/..." also what lies below
	own      []string // folders of this module; everything but the root may also import internal/...
	external []string // import paths of other modules, with what lies below them
	reason   string
}

// anything stands for every package in the columns own and external of layers.
const anything = "..."

// Other modules that several layers use.
const (
	bun  = "github.com/uptrace/bun"
	uuid = "github.com/google/uuid"
)

// belowSession is what a session stands on; what stands on a session may use it too.
var belowSession = []string{".", "fileobject", "journal", "migrations", "model"}

// aboveSession is what may be imported by what stands on a session.
var aboveSession = append([]string{"session"}, belowSession...)

// layers are the arrows of docs/design.md: each package of the module has a row, and imports point down only. A
// dependency that is not in its row is a decision to be made in a review, with its reason.
var layers = []layer{
	{".", nil, nil, "the contracts; whoever uses them must get nothing else with them"},
	{"internal/crc", nil, []string{"github.com/minio/crc64nvme"}, "the standard library is twenty times slower at it"},
	{"internal/...", nil, nil, "leaves named by their job"},

	{"fileobject", []string{"."}, nil, "the column type knows contracts, neither stores nor databases"},
	{"filetype", []string{"."}, []string{"github.com/gabriel-vasile/mimetype"}, "the root's default is net/http's table"},
	{"telemetry", []string{"."}, []string{"go.opentelemetry.io/otel"}, "adapter of the root's tracer interface"},

	{"backends/local", []string{"."}, nil, "a backend imports no other backend and not fileobject"},
	{"backends/memory", []string{"."}, nil, "a backend imports no other backend and not fileobject"},
	{"backends/s3", []string{"."}, []string{"github.com/aws/aws-sdk-go-v2", "github.com/aws/smithy-go"}, "its own SDK"},
	{"backends/gcs", []string{"."}, []string{"cloud.google.com/go", "google.golang.org", "github.com/googleapis/gax-go"}, "its own SDK"},
	{"backends/azure", []string{"."}, []string{"github.com/Azure/azure-sdk-for-go"}, "its own SDK"},
	{"backends/wrap", []string{"."}, nil, "decorators of any backend"},
	{"backends/encrypted", []string{"."}, []string{"filippo.io/age"}, "a decorator with a library of its own"},
	{"backends/backendtest", []string{".", "backends/wrap"}, nil, "for backends of other modules too, which must get nothing else with it"},
	{
		"backends/all",
		[]string{".", "backends/local", "backends/memory", "backends/s3", "backends/gcs", "backends/azure", "backends/wrap"},
		nil, "the only place that knows every backend",
	},

	{"migrations", nil, nil, "SQL files for any migration tool"},
	{"model", []string{"."}, []string{uuid, "github.com/gosimple/slug", "github.com/matoous/go-nanoid/v2"}, "plain columns, and what fills them"},
	{"journal", []string{".", "migrations"}, []string{bun, uuid}, "the ledger knows keys and stores, not files or models; its table is in migrations"},
	{
		"session", belowSession,
		[]string{bun, uuid, "modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/go-sql-driver/mysql", "golang.org/x/sync"},
		"the unit of work, and the drivers that Open chooses from",
	},
	{"session/lifecycle", nil, nil, "tests only"},
	{
		"session/sessiontest", append([]string{"backends/memory"}, aboveSession...),
		[]string{bun, uuid, "modernc.org/sqlite"}, "sessions for users' tests",
	},
	{
		"repository", aboveSession, []string{bun, uuid, "github.com/go-sql-driver/mysql"},
		"everyday reads and writes on a session; MySQL's driver has the text of an error, with its names, in a field",
	},
	{
		"maintenance", aboveSession, []string{bun, uuid, "modernc.org/sqlite"},
		"audit, copy and verification on a session; what an audit compares is in a temporary file",
	},
	{"httpsession", aboveSession, []string{bun, uuid, "github.com/alexedwards/scs/v2"}, "a store for scs on a session"},
	{"faultkit", []string{".", "journal", "session"}, []string{bun}, "faults and an independent checker, for users' tests too"},
	{
		"faultkit/inventory", nil,
		[]string{
			"github.com/aws/aws-sdk-go-v2", "cloud.google.com/go/storage", "google.golang.org/api",
			"github.com/Azure/azure-sdk-for-go",
		},
		"what is in a cloud store, without any code of this module; tests only",
	},

	{"filehttp", []string{".", "fileobject"}, nil, "sees the session through small interfaces only"},
	{
		"filehttp/resumable", append([]string{"filehttp"}, aboveSession...),
		[]string{bun, "github.com/tus/tusd/v2"}, "tus uploads, adopted by a session",
	},

	{
		"cli", append([]string{"maintenance", "repository", "httpsession", "filetype", "backends/all"}, aboveSession...),
		[]string{bun, uuid, "github.com/spf13/cobra", "github.com/schollz/progressbar/v3", "golang.org/x/term"},
		"the command tree, to be mounted in other programs",
	},
	{"cmd/...", []string{anything}, []string{anything}, "the binary puts everything together"},
	{"examples/...", []string{anything}, []string{anything}, "programs of users"},
}

// standardLibraryOnly lists the packages that link no third-party package, however indirectly: each is imported by
// programs or by backends that want nothing else.
var standardLibraryOnly = []string{
	".", "fileobject", "backends/local", "backends/memory", "backends/backendtest", "filehttp",
}

// reserved lists imports that only some folders may have.
var reserved = []struct {
	path      string
	importers []string
	reason    string
}{
	{module + "/backends/all", []string{"cmd/...", "cli", "examples/..."}, "it links every cloud SDK"},
	{
		"testing",
		[]string{"backends/backendtest", "session/sessiontest", "faultkit"},
		"it adds flags and code to users' binaries; kits for tests are linked into tests only",
	},
}

// listed is what go list says of a package.
type listed struct {
	ImportPath string
	Standard   bool
	Module     *struct{ Main bool }
	Imports    []string
}

func (p *listed) own() bool { return p.Module != nil && p.Module.Main }

// folder is the package's folder from the root of the module.
func (p *listed) folder() string { return folderOf(p.ImportPath) }

func folderOf(importPath string) string {
	if importPath == module {
		return "."
	}
	return strings.TrimPrefix(importPath, module+"/")
}

// packages lists the packages of the module and all that they link, by import path.
var packages = sync.OnceValues(func() (map[string]*listed, error) {
	var stderr bytes.Buffer
	command := exec.Command("go", "list", "-e", "-deps", "-json=ImportPath,Standard,Module,Imports", "./...")
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.Bytes())
	}
	all := map[string]*listed{}
	for decoder := json.NewDecoder(bytes.NewReader(output)); ; {
		var p listed
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all[p.ImportPath] = &p
	}
})

// listPackages returns all linked packages, and those of the module.
func listPackages(t *testing.T) (all map[string]*listed, own []*listed) {
	t.Helper()
	all, err := packages()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range all {
		if p.own() {
			own = append(own, p)
		}
	}
	if len(own) == 0 {
		t.Fatal("go list found no package of the module")
	}
	return all, own
}

// within reports whether a folder or import path is the pattern, or lies below it when the pattern ends with "/...".
func within(path, pattern string) bool {
	if pattern == anything {
		return true
	}
	base, below := strings.CutSuffix(pattern, "/...")
	return path == base || below && strings.HasPrefix(path, base+"/")
}

func withinAny(path string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return within(path, pattern) })
}

// Imports point down only, along the arrows of the design: this is what keeps a backend, or the root, usable without
// the rest, and the parts replaceable.
func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	all, own := listPackages(t)
	for _, p := range own {
		i := slices.IndexFunc(layers, func(l layer) bool { return within(p.folder(), l.folder) })
		if i < 0 {
			t.Errorf("%s: add it to the table with its allowed imports", p.folder())
			continue
		}
		for _, path := range p.Imports {
			if target := all[path]; target == nil || !target.Standard && !layers[i].allows(target) {
				t.Errorf("%s imports %s, which its row does not allow (%s)", p.folder(), path, layers[i].reason)
			}
		}
	}
}

// allows reports whether packages of the layer may import the target, which is not of the standard library.
func (l layer) allows(target *listed) bool {
	if target.own() {
		leaf := l.folder != "." && within(target.folder(), "internal/...")
		return leaf || withinAny(target.folder(), l.own)
	}
	return slices.ContainsFunc(l.external, func(path string) bool {
		return path == anything || within(target.ImportPath, path+"/...")
	})
}

// The packages that promise to need only the standard library link nothing else, not even through others.
func TestStandardLibraryOnly(t *testing.T) {
	t.Parallel()
	all, own := listPackages(t)
	for _, p := range own {
		if !slices.Contains(standardLibraryOnly, p.folder()) {
			continue
		}
		linked := map[string]bool{}
		reach(all, p.ImportPath, linked)
		for path := range linked {
			if target := all[path]; target == nil || !target.Standard && !target.own() {
				t.Errorf("%s links %s", p.folder(), path)
			}
		}
	}
}

// reach adds to linked all that path imports, however indirectly.
func reach(all map[string]*listed, path string, linked map[string]bool) {
	if linked[path] {
		return
	}
	linked[path] = true
	if p := all[path]; p != nil && !p.Standard {
		for _, next := range p.Imports {
			reach(all, next, linked)
		}
	}
}

// Some imports have a price for every program that links them, so only those folders have them that must.
func TestReservedImports(t *testing.T) {
	t.Parallel()
	_, own := listPackages(t)
	for _, p := range own {
		for _, r := range reserved {
			if withinAny(p.folder(), r.importers) {
				continue
			}
			for _, path := range p.Imports {
				if within(path, r.path+"/...") {
					t.Errorf("%s imports %s, which is for %q only: %s", p.folder(), path, r.importers, r.reason)
				}
			}
		}
	}
}
