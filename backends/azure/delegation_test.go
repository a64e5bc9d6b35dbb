package azure_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/azure"
)

// token is a credential that needs nobody.
type token struct{}

func (token) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "token", ExpiresOn: time.Now().Add(1000 * time.Hour)}, nil
}

// keyService gives user delegation keys.
type keyService struct {
	asked atomic.Int32
	slow  time.Duration
	fail  atomic.Bool
}

// Do implements the SDK's Transporter.
func (s *keyService) Do(r *http.Request) (*http.Response, error) {
	s.asked.Add(1)
	time.Sleep(s.slow) // of the test's own clock
	status, body := http.StatusOK, ""
	if s.fail.Load() {
		status = http.StatusForbidden
	} else {
		asked, _ := io.ReadAll(r.Body)
		_, rest, _ := strings.Cut(string(asked), "<Expiry>")
		expiry, _, _ := strings.Cut(rest, "</Expiry>")
		body = fmt.Sprintf(`<?xml version="1.0"?><UserDelegationKey><SignedOid>oid</SignedOid><SignedTid>tid</SignedTid>`+
			`<SignedStart>%s</SignedStart><SignedExpiry>%s</SignedExpiry><SignedService>b</SignedService>`+
			`<SignedVersion>2020-02-10</SignedVersion><Value>c2VjcmV0</Value></UserDelegationKey>`,
			time.Now().UTC().Format(time.RFC3339), expiry)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/xml"}}, Body: io.NopCloser(strings.NewReader(body)), Request: r,
	}, nil
}

func newDelegated(t *testing.T, keys *keyService) *azure.Backend {
	t.Helper()
	o := azcore.ClientOptions{Transport: keys, Retry: policy.RetryOptions{MaxRetries: -1}}
	const account = "https://account.blob.core.windows.net/"
	client := must[*container.Client](t)(container.NewClient(account+"files", token{}, &container.ClientOptions{ClientOptions: o}))
	keyClient := must[*service.Client](t)(service.NewClient(account, token{}, &service.ClientOptions{ClientOptions: o}))
	return must[*azure.Backend](t)(azure.New(client, azure.Config{Delegation: keyClient}))
}

// TestADelegationKeyIsFetchedOnce and used for every URL until it is nearly over: a request for each URL would be slow and
// be throttled.
func TestADelegationKeyIsFetchedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &keyService{slow: time.Second}
		b := newDelegated(t, keys)
		if !b.Describe().Capabilities.Has(dossier.SignGet|dossier.SignPart) || b.Describe().Store != "azblob:account/files" {
			t.Errorf("%+v", b.Describe())
		}
		sign := func() dossier.SignedRequest { return signed(t, b, dossier.SignRequest{Key: "a b"}) }
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { sign() })
		}
		group.Wait()
		one := sign()
		query := must[*url.URL](t)(url.Parse(one.URL)).Query()
		if keys.asked.Load() != 1 || query.Get("skoid") != "oid" || query.Get("sp") != "r" || query.Get("spr") != "https" ||
			!strings.HasPrefix(one.URL, "https://account.blob.core.windows.net/files/a%20b?") {
			t.Errorf("%d requests, %s", keys.asked.Load(), one.URL)
		}
		time.Sleep(5 * 24 * time.Hour)
		if sign(); keys.asked.Load() != 1 {
			t.Error("a key with two days left was fetched again")
		}
		time.Sleep(25 * time.Hour)
		if sign(); keys.asked.Load() != 2 {
			t.Errorf("%d requests when less than a day is left", keys.asked.Load())
		}
	})
}

// TestAURLEndsWithItsKey, and says so: NotAfter must not promise what the service will refuse.
func TestAURLEndsWithItsKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newDelegated(t, &keyService{})
		began := time.Now()
		one := signed(t, b, dossier.SignRequest{Key: "a", TTL: dossier.MaxSignedLife})
		if life := one.NotAfter.Sub(began); life > dossier.MaxSignedLife || life < dossier.MaxSignedLife-time.Hour {
			t.Errorf("it lives %v", life)
		}
		if se := must[*url.URL](t)(url.Parse(one.URL)).Query().Get("se"); se != one.NotAfter.Format(time.RFC3339) {
			t.Errorf("the URL ends at %s, NotAfter is %s", se, one.NotAfter)
		}
	})
}

// TestAnOldKeyServesWhileThereIsNoNewOne: a short outage of the key service must not stop all downloads.
func TestAnOldKeyServesWhileThereIsNoNewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		keys := &keyService{}
		b := newDelegated(t, keys)
		signed(t, b, dossier.SignRequest{Key: "a"})
		keys.fail.Store(true)
		time.Sleep(6*24*time.Hour + time.Hour)
		signed(t, b, dossier.SignRequest{Key: "a"})
		time.Sleep(24 * time.Hour)
		_, err := dossier.SignURLs(t.Context(), b, dossier.SignRequest{Key: "a", TTL: time.Hour})
		wants(t, "no key at all", err, dossier.ErrPermission)
	})
}

// TestACallerWhoLeavesDoesNotWaitForAKey that another one fetches.
func TestACallerWhoLeavesDoesNotWaitForAKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newDelegated(t, &keyService{slow: time.Minute})
		var group sync.WaitGroup
		group.Go(func() { signed(t, b, dossier.SignRequest{Key: "a"}) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		_, err := b.SignURLs(ctx, []dossier.SignRequest{{Key: "a", TTL: time.Hour}})
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		group.Wait()
	})
}

// TestWithoutATokenNothingIsSent: the remedy is a log-in, and nobody needs to look for what became of the write.
func TestWithoutATokenNothingIsSent(t *testing.T) {
	t.Parallel()
	o := azcore.ClientOptions{Transport: &keyService{}, Retry: policy.RetryOptions{MaxRetries: -1}}
	client := must[*container.Client](t)(container.NewClient("https://account.blob.core.windows.net/files", noToken{},
		&container.ClientOptions{ClientOptions: o}))
	b := must[*azure.Backend](t)(azure.New(client, azure.Config{}))
	_, err := b.Put(t.Context(), "a", dossier.BytesSource(nil), dossier.PutOptions{})
	wants(t, "put", err, dossier.ErrUnauthenticated)
	if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
		t.Errorf("%v", err)
	}
	_, err = b.Copy(t.Context(), "b", "a", dossier.CopyOptions{})
	wants(t, "a copy that the service may not read", err, errors.ErrUnsupported)
}

// noToken is a credential that is not there.
type noToken struct{}

func (noToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{}, azidentity.NewCredentialUnavailableError("nobody is logged in")
}
