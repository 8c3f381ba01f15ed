package rest

import "net/http"

// adminStorage tells that no block says where results are to be stored: there
// are no blocks.
func (s *space) adminStorage(*request) (response, error) {
	return jsonBody(http.StatusOK, `{"default_result_storage_block_id":null}`), nil
}
