// Where Streamlit's scripts find the server: without this they first ask below the page's address,
// and open their connection only after two answers. They accept messages from the origins listed,
// which must be some: from our own, they would put a fragment back that was taken from the address.
window.__streamlit = {
  BACKEND_BASE_URL: location.origin,
  HOST_CONFIG: { allowedOrigins: ["https://nobody.invalid"], useExternalAuthToken: false },
}
