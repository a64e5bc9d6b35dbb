package azure

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/blob"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/service"
	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/internal/urlparam"
)

// Open returns a backend for azblob://container?account=NAME&…; the package's documentation has all parameters and where
// the credentials come from. It checks that the container is there. Where the endpoint is not the cloud's own, it also
// finds out which checksum the server verifies, and clears the capabilities that a probe does not find.
//
// Errors: dossier.ErrInvalid (URL, parameter, credentials that contradict each other), dossier.ErrNoContainer,
// dossier.ErrUnauthenticated, dossier.ErrPermission, dossier.ErrUnavailable.
func Open(ctx context.Context, rawURL string) (*Backend, error) {
	p, err := parseParameters(rawURL, os.Getenv)
	if err != nil {
		return nil, fail("open", "", fmt.Errorf("%w: %w", dossier.ErrInvalid, err))
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost, transport.DisableCompression = 64, true
	b, err := p.open(transport)
	if err == nil {
		b.release = transport.CloseIdleConnections
		err = p.examine(ctx, b)
	}
	if err != nil {
		transport.CloseIdleConnections()
		return nil, fail("open", "", err)
	}
	return b, nil
}

// parameters are what a URL and the environment say.
type parameters struct {
	containerURL string
	cfg          Config
	key          string // of the account, or ""
	account      string
	sas          string
	anonymous    bool
	probe        bool
	anyChecksum  bool // the URL names none
}

// open makes the client for the credentials that there are.
func (p parameters) open(transport *http.Transport) (*Backend, error) {
	shared := azcore.ClientOptions{Transport: &http.Client{Transport: transport}}
	options := &container.ClientOptions{ClientOptions: shared}
	cfg := p.cfg
	var client *container.Client
	var err error
	switch {
	case p.anonymous:
		client, err = container.NewClientWithNoCredential(p.containerURL, options)
	case p.key != "":
		if cfg.SharedKey, err = container.NewSharedKeyCredential(p.account, p.key); err != nil {
			return nil, fmt.Errorf("%w: the account key is not base64", dossier.ErrInvalid) // err may hold a part of it
		}
		client, err = container.NewClientWithSharedKeyCredential(p.containerURL, cfg.SharedKey, options)
	case p.sas != "":
		client, err = container.NewClientWithNoCredential(p.containerURL+"?"+strings.TrimPrefix(p.sas, "?"), options)
	default:
		client, cfg.Delegation, err = p.tokenClients(options)
	}
	if err != nil {
		return nil, err
	}
	return New(client, cfg)
}

// tokenClients are clients of the container and of its account with the default credentials of the cloud.
func (p parameters) tokenClients(options *container.ClientOptions) (*container.Client, *service.Client, error) {
	credential, err := azidentity.NewDefaultAzureCredential(nil)
	if err != nil {
		return nil, nil, err
	}
	client, err := container.NewClient(p.containerURL, credential, options)
	if err != nil {
		return nil, nil, err
	}
	account := p.containerURL[:strings.LastIndexByte(p.containerURL, '/')+1]
	keys, err := service.NewClient(account, credential, &service.ClientOptions{ClientOptions: options.ClientOptions})
	return client, keys, err
}

// examine looks for the container, and at servers that are not the cloud's own.
func (p parameters) examine(ctx context.Context, b *Backend) error {
	if err := b.lookForContainer(ctx); err != nil {
		return err
	}
	if !p.probe || p.anonymous || strings.Contains(p.containerURL, cloudSuffix) {
		return nil
	}
	if p.anyChecksum {
		if err := b.findChecksum(ctx); err != nil {
			return err
		}
	}
	found, err := b.Probe(ctx)
	if err != nil {
		return err
	}
	b.description.Capabilities &= found.Capabilities
	return nil
}

// lookForContainer lists one object: a right that whoever reads objects has, other than that to read the container's own
// properties.
func (b *Backend) lookForContainer(ctx context.Context) error {
	one := int32(1)
	pager := b.client.NewListBlobsFlatPager(&container.ListBlobsFlatOptions{MaxResults: &one})
	_, err := pageOf(ctx, b, pager)
	if errors.Is(fail("", "", err), dossier.ErrPermission) {
		return nil // credentials for single objects, or without the right to list
	}
	return err
}

// findChecksum tries the ways to have content verified until the server takes one.
func (b *Backend) findChecksum(ctx context.Context) (err error) {
	once := policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: -1})
	for _, way := range []Checksum{ChecksumCRC64, ChecksumMD5, ChecksumNone} {
		b.cfg.Checksum = way
		var written dossier.Info
		if written, err = b.probeWrite(once, hiddenProbes+"checksum", dossier.PutOptions{}); err == nil {
			return b.remove(ctx, written.Key, dossier.Condition{}, nil)
		}
		if answerOf(err) == nil {
			return err
		}
	}
	return err
}

// parseParameters reads the URL.
func parseParameters(rawURL string, environment func(string) string) (parameters, error) {
	u, err := url.Parse(rawURL)
	if err != nil || u.Scheme != scheme || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.User != nil || u.Fragment != "" {
		return parameters{}, errors.New("the URL is azblob://container?parameters")
	}
	set, err := urlparam.Parse(u.RawQuery)
	if err != nil {
		return parameters{}, err
	}
	var p parameters
	p.cfg = Config{
		Memory: set.Size("memory"), PartSize: set.Size("part_size"), Parallel: set.Number("parallel", 256),
		StallTimeout: set.Duration("stall_timeout"), Class: set.Text("class"), PublicURL: set.Text("public_url"),
	}
	p.anonymous = set.Truth("anonymous")
	way := set.Choice("checksum", "", "crc64", "md5", "none")
	p.anyChecksum = way == 0
	p.cfg.Checksum = Checksum(max(way-1, 0))
	p.probe = set.Choice("probe", "true", "false") == 0
	endpoint := set.Text("endpoint")
	account := set.Text("account")
	if err := set.Done(); err != nil {
		return parameters{}, err
	}
	return p, p.locate(u.Host, endpoint, account, environment)
}

// locate finds the account and its credentials.
func (p *parameters) locate(name, endpoint, account string, environment func(string) string) error {
	p.account, p.key = environment("AZURE_STORAGE_ACCOUNT"), environment("AZURE_STORAGE_KEY")
	p.sas = environment("AZURE_STORAGE_SAS_TOKEN")
	connection := parseConnection(environment("AZURE_STORAGE_CONNECTION_STRING"))
	of := connection["AccountName"]
	if len(connection) > 0 && p.account == "" && (account == "" || of == "" || of == account) {
		p.account, p.key, p.sas = connection["AccountName"], connection["AccountKey"], connection["SharedAccessSignature"]
		if endpoint == "" {
			endpoint = connection["BlobEndpoint"]
		}
		if suffix := connection["EndpointSuffix"]; endpoint == "" && suffix != "" {
			endpoint = "https://" + p.account + ".blob." + suffix
		}
	}
	if account != "" && account != p.account {
		if p.account != "" {
			p.sas = "" // the credentials of the environment are those of another account
		}
		p.account, p.key = account, ""
	}
	if endpoint == "" && p.account == "" {
		return errors.New("no account: give account or endpoint, or set AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING")
	}
	if endpoint == "" {
		endpoint = "https://" + p.account + cloudSuffix + "windows.net"
	}
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" || at.Scheme != "http" && at.Scheme != "https" || at.RawQuery != "" || at.User != nil {
		return errors.New("the parameter endpoint: want https://host or https://host/account")
	}
	if _, err := blob.ParseURL(endpoint); err != nil {
		return errors.New("the parameter endpoint: want https://host or https://host/account")
	}
	p.containerURL = strings.TrimSuffix(endpoint, "/") + "/" + name
	return nil
}

// parseConnection reads Name=value;… as the portal of the service shows it.
func parseConnection(text string) map[string]string {
	fields := map[string]string{}
	for field := range strings.SplitSeq(text, ";") {
		if name, value, ok := strings.Cut(field, "="); ok {
			fields[strings.TrimSpace(name)] = value
		}
	}
	return fields
}
