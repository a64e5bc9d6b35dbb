package backendtest

import (
	"slices"
	"strings"

	"github.com/dossier-go/dossier"
)

func descriptionCases() []contractCase {
	return []contractCase{
		{
			name: "describe/constant", groups: []int{85}, run: describeConstant,
			sentence: "Describe is constant and its limits are possible.",
		},
		{
			name: "describe/store", groups: []int{72, 85}, run: describeStore,
			sentence: "Store identifies the store: two stores have two.",
		},
		{
			name: "describe/wrapped", groups: []int{37, 85}, run: describeWrapped,
			sentence: "Capabilities and extensions neither grow nor vanish through a wrapper, but what its documentation says.",
		},
		{
			name: "describe/extensions", groups: []int{85}, run: describeExtensions,
			sentence: "A capability of an extension interface is claimed only with that interface.",
		},
		{
			name: "describe/probed", groups: []int{85}, extensions: []extension{prober}, run: describeProbed,
			sentence: "Probe finds every capability that Describe claims, and leaves nothing behind.",
		},
	}
}

func describeConstant(t *trial) {
	d := t.backend.Describe()
	t.put("a", "content")
	if again := t.backend.Describe(); again != d {
		t.Errorf("%+v became %+v", d, again)
	}
	l := d.Limits
	if d.Scheme == "" || d.Store == "" || l.MaxKey > dossier.MaxKeyLength || l.MaxParts > dossier.MaxPartNumber ||
		l.MaxSignedLife > dossier.MaxSignedLife || l.MinPart < 0 || l.MaxPart > 0 && l.MaxPart < l.MinPart {
		t.Errorf("%+v", d)
	}
}

func describeStore(t *trial) {
	other := t.another()
	if one, two := t.backend.Describe(), other.backend.Describe(); one.Store == two.Store || one.Scheme != two.Scheme {
		t.Errorf("%+v and %+v", one, two)
	}
}

func describeWrapped(t *trial) {
	want := t.raw.Describe()
	if t.variant.prefix != "" {
		want.Store += "/" + strings.TrimSuffix(t.variant.prefix, "/")
		want.Limits.MaxKey = longest(want) - len(t.variant.prefix)
	}
	if outer := t.backend.Describe(); outer != want {
		t.Errorf("%+v became %+v", want, outer)
	}
	for _, e := range everyExtension() {
		lost := slices.ContainsFunc(t.variant.loses, func(l extension) bool { return l.name == e.name })
		if outer, inner := e.in(t.backend), e.in(t.raw) && !lost; outer != inner {
			t.Errorf("%s was %v and is %v", e.name, inner, outer)
		}
	}
}

func describeExtensions(t *trial) {
	for capability, e := range map[dossier.Capabilities]extension{
		dossier.CopyIfAbsent: copier, dossier.AtomicMove: mover, dossier.ConsistentList: lister, dossier.SignGet: urlSigner,
		dossier.SignPut: urlSigner, dossier.SignDelete: urlSigner, dossier.SignPost: formSigner, dossier.Multipart: uploader,
	} {
		if t.can(capability) && !e.in(t.backend) {
			t.Errorf("%v is claimed without %s", capability, e.name)
		}
	}
}

func describeProbed(t *trial) {
	p, _ := dossier.As[dossier.Prober](t.backend)
	found, err := p.Probe(t.ctx)
	if err != nil {
		t.Fatal(err)
	}
	claimed := t.backend.Describe()
	if missing := claimed.Capabilities &^ found.Capabilities; missing != 0 || found.Store != claimed.Store {
		t.Errorf("%v is claimed and not found: %+v", missing, found)
	}
	if lister.in(t.backend) {
		if keys := t.keys(); len(keys) > 0 {
			t.Errorf("left behind: %q", keys)
		}
	}
}
