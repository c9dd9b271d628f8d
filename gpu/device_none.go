//go:build !(cuda && cgo && linux && amd64)

package gpu

import "github.com/steersight/steersight/model"

// openCUDA opens nothing: the program was built without the tag cuda, or for a
// system where it means nothing.
func openCUDA(int, *model.SAE, []*model.Internalizer) (device, error) {
	return nil, errNoCUDA
}
