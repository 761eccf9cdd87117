//! The kinds of objects that a deployment is made of, and where the API has them.

/// One kind, of one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    ServiceAccount,
    Secret,
    ConfigMap,
    PersistentVolumeClaim,
    NetworkPolicy,
    Service,
    Deployment,
    Ingress,
    ReplicaSet,
    Pod,
    Event,
    /// A Service of Knative.
    KnativeService,
    /// Of such a Service.
    Revision,
}

/// Those that carry the name of a deployment with a Deployment, in the order in which they are sent.
pub(super) const NAMED: &[Kind] = &[
    Kind::ServiceAccount,
    Kind::PersistentVolumeClaim,
    Kind::NetworkPolicy,
    Kind::Service,
    Kind::Deployment,
    Kind::Ingress,
];

impl Kind {
    /// Empty for the oldest group.
    pub(super) fn group(self) -> &'static str {
        match self {
            Self::Deployment | Self::ReplicaSet => "apps",
            Self::NetworkPolicy | Self::Ingress => "networking.k8s.io",
            Self::KnativeService | Self::Revision => "serving.knative.dev",
            _ => "",
        }
    }

    pub(super) fn version(self) -> String {
        match self.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "ServiceAccount",
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
            Self::PersistentVolumeClaim => "PersistentVolumeClaim",
            Self::NetworkPolicy => "NetworkPolicy",
            Self::Service | Self::KnativeService => "Service",
            Self::Deployment => "Deployment",
            Self::Ingress => "Ingress",
            Self::ReplicaSet => "ReplicaSet",
            Self::Pod => "Pod",
            Self::Event => "Event",
            Self::Revision => "Revision",
        }
    }

    /// As in paths.
    pub(super) fn plural(self) -> &'static str {
        match self {
            Self::ServiceAccount => "serviceaccounts",
            Self::Secret => "secrets",
            Self::ConfigMap => "configmaps",
            Self::PersistentVolumeClaim => "persistentvolumeclaims",
            Self::NetworkPolicy => "networkpolicies",
            Self::Service | Self::KnativeService => "services",
            Self::Deployment => "deployments",
            Self::Ingress => "ingresses",
            Self::ReplicaSet => "replicasets",
            Self::Pod => "pods",
            Self::Event => "events",
            Self::Revision => "revisions",
        }
    }

    /// Where all of a namespace are, or of all namespaces.
    pub(super) fn path(self, namespace: Option<&str>) -> String {
        let root = if self.group().is_empty() { "/api" } else { "/apis" };
        let within = namespace.map_or(String::new(), |namespace| format!("/namespaces/{namespace}"));
        format!("{root}/{}{within}/{}", self.version(), self.plural())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_api() {
        assert_eq!(Kind::Secret.path(Some("a")), "/api/v1/namespaces/a/secrets");
        assert_eq!(Kind::Deployment.path(None), "/apis/apps/v1/deployments");
        assert_eq!(Kind::Ingress.path(Some("a")), "/apis/networking.k8s.io/v1/namespaces/a/ingresses");
        assert_eq!(Kind::KnativeService.path(Some("a")), "/apis/serving.knative.dev/v1/namespaces/a/services");
    }
}
