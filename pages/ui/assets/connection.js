// Where Streamlit's scripts find the server: without this they first ask below the page's address,
// and open their connection only after two answers.
window.__streamlit = {
  BACKEND_BASE_URL: location.origin,
  HOST_CONFIG: { allowedOrigins: [location.origin], useExternalAuthToken: false },
}
