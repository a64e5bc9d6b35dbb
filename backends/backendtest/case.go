package backendtest

import (
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

// contractCase proves one sentence of the contract.
type contractCase struct {
	name       string // of the subtest: area/promise
	groups     []int  // numbers of the list that the suite was made from; see Groups
	sentence   string // what holds when the case passes
	needs      dossier.Capabilities
	extensions []extension
	hooks      []hook
	network    bool // on the backend of Harness.Network; not behind wrappers, which see nothing of a network
	run        func(t *trial)
}

// hideable reports whether a wrapper that changes nothing could make the case fail although the backend is right, because
// it hides an extension.
func (c contractCase) hideable() bool {
	area, _, _ := strings.Cut(c.name, "/")
	return area == "describe" || area == "life"
}

// extension is an optional interface.
type extension struct {
	name string
	in   func(dossier.Backend) bool
}

func has[T any](b dossier.Backend) bool {
	_, ok := dossier.As[T](b)
	return ok
}

var (
	lister        = extension{"Lister", has[dossier.Lister]}
	batchDeleter  = extension{"BatchDeleter", has[dossier.BatchDeleter]}
	copier        = extension{"Copier", has[dossier.Copier]}
	mover         = extension{"Mover", has[dossier.Mover]}
	urlSigner     = extension{"URLSigner", has[dossier.URLSigner]}
	formSigner    = extension{"FormSigner", has[dossier.FormSigner]}
	uploader      = extension{"MultipartBackend", has[dossier.MultipartBackend]}
	headerUpdater = extension{"HeaderUpdater", has[dossier.HeaderUpdater]}
	reclaimer     = extension{"Reclaimer", has[dossier.Reclaimer]}
	prober        = extension{"Prober", has[dossier.Prober]}
	closer        = extension{"io.Closer", has[interface{ Close() error }]}
)

func everyExtension() []extension {
	return []extension{
		lister, batchDeleter, copier, mover, urlSigner, formSigner, uploader, headerUpdater, reclaimer, prober, closer,
	}
}

// hook is an optional field of the harness.
type hook struct {
	name string
	in   func(Harness) bool
}

var (
	reopen  = hook{"Reopen", func(h Harness) bool { return h.Reopen != nil }}
	serve   = hook{"Serve", func(h Harness) bool { return h.Serve != nil }}
	network = hook{"Network", func(h Harness) bool { return h.Network != nil }}
	corrupt = hook{"Corrupt", func(h Harness) bool { return h.Corrupt != nil }}
)

// missing says what a case needs that is not there, or nothing.
func (c contractCase) missing(h Harness, b dossier.Backend) string {
	if c.network && !network.in(h) {
		return "the harness has no " + network.name
	}
	var lacks []string
	if without := c.needs &^ b.Describe().Capabilities; without != 0 {
		lacks = append(lacks, "the backend does not claim "+without.String())
	}
	for _, e := range c.extensions {
		if !e.in(b) {
			lacks = append(lacks, "the backend is no "+e.name)
		}
	}
	for _, k := range c.hooks {
		if !k.in(h) {
			lacks = append(lacks, "the harness has no "+k.name)
		}
	}
	return strings.Join(lacks, "; ")
}

// allCases are the cases in the order of the contract.
func allCases() []contractCase {
	return slices.Concat(
		putCases(), sourceCases(), replaceCases(), cancelCases(), concurrentCases(),
		conditionCases(), conditionRaceCases(), readConditionCases(),
		keyCases(), keyConflictCases(),
		listCases(), listChangeCases(),
		rangeCases(), readCases(),
		metadataCases(), updateCases(),
		deleteCases(), batchCases(), copyCases(), moveCases(),
		uploadCases(), partCases(), completeCases(),
		signCases(), bindingCases(), tamperCases(), formCases(), formTamperCases(), signPartCases(),
		lifecycleCases(), descriptionCases(), reclaimCases(),
		networkWriteCases(), networkReadCases(), networkOutageCases(),
	)
}
