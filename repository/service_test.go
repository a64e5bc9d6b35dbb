package repository_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/uptrace/bun"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/filehttp"
	"github.com/dossier-go/dossier/model"
	"github.com/dossier-go/dossier/repository"
	"github.com/dossier-go/dossier/session"
)

// member is a model with every constraint that databases check.
type member struct {
	bun.BaseModel `bun:"table:members"`
	model.Int64
	model.Versioned
	Email string `bun:"email,unique,notnull,nullzero"`
	Name  string `bun:"name,nullzero"`
	Boss  int64  `bun:"boss,nullzero"`
}

// badge belongs to a member; its table is made by hand, with the constraints.
const badgeTable = `CREATE TABLE badges (id BIGINT NOT NULL PRIMARY KEY, holder BIGINT NOT NULL REFERENCES members (id),
	colour VARCHAR(9) NOT NULL CHECK (colour <> 'pink'), FOREIGN KEY (holder) REFERENCES members (id))`

type badge struct {
	bun.BaseModel `bun:"table:badges"`
	ID            int64   `bun:"id,pk"`
	Holder        int64   `bun:"holder"`
	Colour        *string `bun:"colour"`
}

// memberRules fill in and refuse, and note what they were asked.
func memberRules(asked *[]string) repository.Rules[member] {
	note := func(what string) func(context.Context, *repository.Repository[member], *member) error {
		return func(ctx context.Context, rows *repository.Repository[member], m *member) error {
			*asked = append(*asked, what+" "+m.Email)
			m.Email = strings.ToLower(m.Email)
			if m.Name == "admin" && what == "delete" {
				return dossier.ErrPermission
			}
			return nil
		}
	}
	return repository.Rules[member]{
		BeforeCreate: note("create"), BeforeUpdate: note("update"), BeforeUpsert: note("upsert"), BeforeDelete: note("delete"),
		Validate: func(_ context.Context, m *member) error {
			*asked = append(*asked, "validate "+m.Email)
			var invalid repository.Invalid
			if !strings.Contains(m.Email, "@") {
				invalid.Add("email", "must be an address")
			}
			if m.Name == "" {
				invalid.Add("name", "must not be empty")
			}
			return invalid.Err()
		},
	}
}

// Every write goes through its rule and then the check, in this order, and what the rule prepared is what is written.
func TestServiceAppliesItsRules(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		var asked []string
		members := repository.NewService(repository.For[member](m), memberRules(&asked))
		ann := &member{Email: "Ann@a", Name: "Ann"}
		check(t, members.Create(t.Context(), ann))
		ann.Email = "Ann@b"
		check(t, members.Update(t.Context(), ann))
		changed, err := members.Change(t.Context(), func(m *member) error { m.Email = "Ann@c"; return nil }, ann.ID)
		check(t, err)
		created, err := members.Upsert(t.Context(), &member{Email: "ANN@C", Name: "Bea"},
			repository.UpsertOptions{Match: []string{"email"}})
		check(t, err)
		got, err := members.Rows().Get(t.Context(), ann.ID)
		check(t, err)
		check(t, members.Delete(t.Context(), ann.ID))
		if created || got.Email != "ann@c" || got.Name != "Bea" || changed.Email != "ann@c" || changed.Version != 3 {
			t.Errorf("created %v, row %+v, changed %+v", created, got, changed)
		}
		want := "create Ann@a, validate ann@a, update Ann@b, validate ann@b, update Ann@c, validate ann@c, upsert ANN@C, validate ann@c, delete ann@c"
		if got := strings.Join(asked, ", "); got != want {
			t.Errorf("asked %s\nwant  %s", got, want)
		}
	}, (*member)(nil))
}

// What a rule refuses is not written, nor is anything that went before it in the call.
func TestServiceWritesNothingThatARuleRefuses(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		var asked []string
		rows := repository.For[member](m)
		members := repository.NewService(rows, memberRules(&asked))
		err := members.Create(t.Context(), &member{Email: "a@a", Name: "A"}, &member{Email: "nowhere"})
		var invalid *repository.Invalid
		if !errors.Is(err, repository.ErrFields) || !errors.As(err, &invalid) || len(invalid.Fields) != 2 {
			t.Errorf("error %v", err)
		}
		admin := &member{Email: "root@a", Name: "admin"}
		check(t, members.Create(t.Context(), admin))
		if err := members.Delete(t.Context(), admin.ID); !errors.Is(err, dossier.ErrPermission) {
			t.Errorf("error %v", err)
		}
		if _, err := members.Change(t.Context(), func(m *member) error { m.Name = ""; return nil },
			admin.ID); !errors.Is(err, repository.ErrFields) {
			t.Errorf("error %v", err)
		}
		failed := errors.New("no")
		if _, err := members.Change(t.Context(), func(*member) error { return failed }, admin.ID); !errors.Is(err, failed) {
			t.Errorf("error %v", err)
		}
		if _, err := members.Change(t.Context(), func(*member) error { return nil }, int64(99)); !errors.Is(err, dossier.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		all, err := rows.List(t.Context(), repository.ListOptions{})
		if err != nil || len(all) != 1 || all[0].Name != "admin" {
			t.Errorf("%d rows, %v", len(all), err)
		}
		if err := members.Create(t.Context(), nil); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("a nil model: %v", err)
		}
	}, (*member)(nil))
}

// A rule writes in the same unit of work and within the same scope: what it did is undone with the rest.
func TestRulesShareTheUnitOfWork(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		rows := repository.For[member](m).With(repository.Options{Scope: []repository.Filter{repository.Equal("name", "team")}})
		members := repository.NewService(rows, repository.Rules[member]{
			BeforeCreate: func(ctx context.Context, rows *repository.Repository[member], m *member) error {
				if m.Boss != 0 {
					return nil
				}
				boss := &member{Email: "boss of " + m.Email, Name: "team", Boss: 1}
				err := rows.Create(ctx, boss)
				m.Boss = boss.ID
				return err
			},
		})
		check(t, members.Create(t.Context(), &member{Email: "a", Name: "team"}))
		if err := members.Create(t.Context(), &member{Email: "b", Name: "strangers"}); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("a row outside of the scope: %v", err)
		}
		if err := members.Create(t.Context(), &member{Email: "c", Name: "team"},
			&member{Email: "a", Name: "team"}); !errors.Is(err, repository.ErrDuplicate) {
			t.Errorf("a duplicate: %v", err)
		}
		if n, err := repository.For[member](m).Count(t.Context()); err != nil || n != 2 {
			t.Errorf("%d rows, want 2; %v", n, err)
		}
	}, (*member)(nil))
}

// Each failure of a real database has its status, through a service as through a session.
func TestStatusOfDatabaseErrors(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		_, err := m.DB().Exec(badgeTable)
		check(t, err)
		if m.DB().Dialect().Name().String() == "sqlite" {
			_, err = m.DB().Exec("PRAGMA foreign_keys = 1")
			check(t, err)
			m.DB().SetMaxOpenConns(1)
		}
		members, badges := repository.For[member](m), repository.For[badge](m)
		ann, red, pink := &member{Email: "a"}, "red", "pink"
		check(t, members.Create(t.Context(), ann))
		stale := *ann
		ann.Name = "Ann"
		check(t, members.Update(t.Context(), ann))
		check(t, badges.Create(t.Context(), &badge{ID: 1, Holder: ann.ID, Colour: &red}))
		_, missing := members.Get(t.Context(), int64(99))
		stale.Name = "other"
		for name, test := range map[string]struct {
			err    error
			status int
		}{
			"duplicate":     {members.Create(t.Context(), &member{Email: "a"}), http.StatusConflict},
			"missing value": {badges.Create(t.Context(), &badge{ID: 2, Holder: ann.ID}), http.StatusUnprocessableEntity},
			"check":         {badges.Create(t.Context(), &badge{ID: 2, Holder: ann.ID, Colour: &pink}), http.StatusUnprocessableEntity},
			"no parent":     {badges.Create(t.Context(), &badge{ID: 2, Holder: 99, Colour: &red}), http.StatusConflict},
			"has children":  {members.Delete(t.Context(), ann.ID), http.StatusConflict},
			"stale":         {members.Update(t.Context(), &stale), http.StatusConflict},
			"no row":        {missing, http.StatusNotFound},
			"bad order": {func() error {
				_, err := members.List(t.Context(), repository.ListOptions{Order: []repository.Order{{Column: "secret"}}})
				return err
			}(), http.StatusBadRequest},
		} {
			if got := repository.StatusOf(test.err); got != test.status {
				t.Errorf("%s: status %d, want %d: %v", name, got, test.status, test.err)
			}
		}
	}, (*member)(nil))
}

// kinds are the errors of the root package.
var kinds = []error{
	dossier.ErrNotExist, dossier.ErrExist, dossier.ErrPrecondition, dossier.ErrNotModified, dossier.ErrConflict,
	dossier.ErrInvalidKey,
	dossier.ErrInvalid, dossier.ErrTooLarge, dossier.ErrShortSource, dossier.ErrChecksum, dossier.ErrType,
	dossier.ErrPermission, dossier.ErrUnauthenticated, dossier.ErrThrottled, dossier.ErrUnavailable, dossier.ErrNoContainer,
	dossier.ErrNoBackend,
	dossier.ErrClosed, dossier.ErrConsumed, dossier.ErrStale, dossier.ErrNotFound, dossier.ErrLeaseLost, dossier.ErrOutcomeUnknown,
	dossier.ErrRollbackOnly, dossier.ErrUploadInTransaction, dossier.ErrExpired, dossier.ErrBadSignature, errors.ErrUnsupported,
	context.Canceled, context.DeadlineExceeded, &http.MaxBytesError{Limit: 1}, &dossier.Error{Kind: dossier.ErrPermission},
	&dossier.Error{Kind: dossier.ErrUnauthenticated}, errors.New("another one"), nil,
}

// The packages cannot share one table, because neither stands on the other; a client must not see two.
func TestStatusesAreThoseOfFileHTTP(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		err := kind
		if kind != nil {
			err = fmt.Errorf("update: %w", kind)
		}
		if got, want := repository.StatusOf(err), filehttp.StatusOf(err); got != want {
			t.Errorf("%v: %d, filehttp says %d", err, got, want)
		}
	}
	unknown := &dossier.Error{Kind: dossier.ErrOutcomeUnknown, Err: dossier.ErrUnavailable}
	if got := repository.StatusOf(unknown); got != http.StatusInternalServerError {
		t.Errorf("an unknown outcome is %d: the client would send it again", got)
	}
}

// A client learns which of its fields are wrong, and nothing of tables, constraints and causes.
func TestProblemsTellClientsWhatTheyMayKnow(t *testing.T) {
	t.Parallel()
	var invalid repository.Invalid
	invalid.Add("pages/0/na~me", "must not be empty")
	invalid.Add("", "must have a title or a file")
	secret := &repository.DatabaseError{Kind: repository.ErrDuplicate, Table: "secrets", Constraint: "secrets_key",
		Err: errors.New("secret@example.com")}
	for _, test := range []struct {
		err  error
		want string
	}{
		{invalid.Err(), `{"title":"Unprocessable Entity","status":422,"detail":"some fields are not what they must be","errors":[` +
			`{"detail":"must not be empty","pointer":"#/pages/0/na~0me"},{"detail":"must have a title or a file","pointer":"#"}]}`},
		{secret, `{"title":"Conflict","status":409,"detail":"there is one like it already"}`},
		{errors.New("dial 10.0.0.1"), `{"title":"Internal Server Error","status":500,"detail":"internal error"}`},
		{repository.ErrSerialization, `{"title":"Service Unavailable","status":503,"detail":"others were faster; try again"}`},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("ETag", `"of what the handler began"`)
		repository.WriteProblem(w, test.err)
		if got := strings.TrimSpace(w.Body.String()); got != test.want || !json.Valid(w.Body.Bytes()) {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
		h := w.Header()
		if h.Get("Content-Type") != "application/problem+json" || h.Get("Cache-Control") != "no-store" || h.Get("ETag") != "" {
			t.Errorf("header %v", h)
		}
		if got := h.Get("Retry-After") != ""; got != (w.Code == http.StatusServiceUnavailable) {
			t.Errorf("status %d, Retry-After %q", w.Code, h.Get("Retry-After"))
		}
	}
}

// memberIn is what a client may say of a member; what it leaves out stays.
type memberIn struct {
	Email, Name *string
}

func newMapped(m *session.Manager) repository.Mapped[member, memberIn, string] {
	return repository.Mapped[member, memberIn, string]{
		Service: repository.NewService(repository.For[member](m), repository.Rules[member]{}),
		Fill: func(in memberIn, m *member) error {
			if in.Email != nil {
				m.Email = *in.Email
			}
			if in.Name != nil {
				m.Name = *in.Name
			}
			return nil
		},
		Show: func(m *member) string { return m.Name + " <" + m.Email + ">" },
	}
}

// Rows come in and go out as the interface has them, on every way.
func TestMappedShowsOnlyItsOwnTypes(t *testing.T) {
	onEveryDatabase(t, func(t *testing.T, m *session.Manager) {
		members, email, name := newMapped(m), "a@a", "Ann"
		shown, err := members.Create(t.Context(), memberIn{Email: &email})
		check(t, err)
		all, err := repository.For[member](m).List(t.Context(), repository.ListOptions{})
		check(t, err)
		id := all[0].ID
		changed, err := members.Change(t.Context(), memberIn{Name: &name}, id)
		check(t, err)
		got, err := members.Get(t.Context(), id)
		check(t, err)
		list, err := members.List(t.Context(), repository.ListOptions{})
		check(t, err)
		page, err := members.Page(t.Context(), repository.ListOptions{Limit: 1})
		check(t, err)
		if page.Total != 1 || !slices.Equal(page.Items, list) {
			t.Errorf("page %+v, list %v", page, list)
		}
		keyset, err := members.Keyset(t.Context(), repository.KeysetOptions{Signer: testSigner(t), Limit: 1})
		if err != nil || !slices.Equal(keyset.Items, list) {
			t.Errorf("page %+v, list %v, %v", keyset, list, err)
		}
		if _, err := members.Keyset(t.Context(), repository.KeysetOptions{}); !errors.Is(err, dossier.ErrInvalid) {
			t.Errorf("a page without a signer: %v", err)
		}
		check(t, members.Delete(t.Context(), id))
		want := []string{" <a@a>", "Ann <a@a>", "Ann <a@a>", "Ann <a@a>"}
		if all := append([]string{shown, changed, got}, list...); !slices.Equal(all, want) {
			t.Errorf("%q, want %q", all, want)
		}
		if _, err := members.Get(t.Context(), id); !errors.Is(err, dossier.ErrNotFound) {
			t.Errorf("error %v", err)
		}
		none, err := members.List(t.Context(), repository.ListOptions{})
		if err != nil || none == nil {
			t.Errorf("an empty list is %v, which JSON has as null; %v", none, err)
		}
	}, (*member)(nil))
}
