package gcs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/compute/metadata"
	"google.golang.org/api/iamcredentials/v1"
	"google.golang.org/api/option"

	"github.com/dossier-go/dossier"
)

// blobLife is for how long a signature of signBlob is good, since Google rotates the key:
// https://cloud.google.com/storage/docs/authentication/creating-signatures
const blobLife = 12 * time.Hour

// iam signs with a key that Google keeps.
type iam struct {
	credentials *auth.Credentials
	endpoint    string

	mu      sync.Mutex
	email   string
	service *iamcredentials.Service
}

// withIAM makes one request for each signature. Nothing is asked before the first.
func (s *signing) withIAM(cfg Config, email string) *signing {
	i := &iam{credentials: cfg.Credentials, endpoint: cfg.IAMEndpoint, email: email}
	s.identity, s.sign, s.longest = i.identity, i.sign, blobLife
	return s
}

// identity is the configured service account, or that of the machine.
func (i *iam) identity(ctx context.Context) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.email != "" {
		return i.email, nil
	}
	email, err := metadata.EmailWithContext(ctx, "default")
	if err != nil {
		return "", fmt.Errorf("%w: the machine does not say which service account it has; set SigningAccount: %w",
			dossier.ErrUnauthenticated, err)
	}
	i.email = email
	return email, nil
}

func (i *iam) sign(ctx context.Context, bytes []byte) ([]byte, error) {
	email, err := i.identity(ctx)
	if err != nil {
		return nil, err
	}
	service, err := i.connected()
	if err != nil {
		return nil, err
	}
	call := service.Projects.ServiceAccounts.SignBlob("projects/-/serviceAccounts/"+email,
		&iamcredentials.SignBlobRequest{Payload: base64.StdEncoding.EncodeToString(bytes)})
	var answer *iamcredentials.SignBlobResponse
	_, err = retry(ctx, firstPause, func() (err error) { answer, err = call.Context(ctx).Do(); return err })
	if err != nil {
		return nil, errors.Join(dossier.ContextError(ctx), err)
	}
	return base64.StdEncoding.DecodeString(answer.SignedBlob)
}

// connected returns the one client of the API.
func (i *iam) connected() (*iamcredentials.Service, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.service != nil {
		return i.service, nil
	}
	opts := []option.ClientOption{option.WithAuthCredentials(i.credentials)}
	if i.endpoint != "" {
		opts = append(opts, option.WithEndpoint(i.endpoint))
	}
	service, err := iamcredentials.NewService(context.Background(), opts...) // makes no request
	if err == nil {
		i.service = service
	}
	return service, err
}
