# Writes cnf_gpu.spdx.json, the bill of materials of the packages: SPDX 2.3, https://spdx.github.io/spdx-spec/v2.3/.
# Its date is SOURCE_DATE_EPOCH where that is set, else that of the last commit: the same source, the same file.
set(sbom_time "$ENV{SOURCE_DATE_EPOCH}")
if(NOT sbom_time)
  execute_process(COMMAND git log -1 --format=%ct WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE sbom_time OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(NOT sbom_time MATCHES "^[0-9]+$")
  set(sbom_time 0)
endif()
set(environment_time "$ENV{SOURCE_DATE_EPOCH}")
set(ENV{SOURCE_DATE_EPOCH} ${sbom_time})  # what string(TIMESTAMP) takes in place of the clock
string(TIMESTAMP sbom_created "%Y-%m-%dT%H:%M:%SZ" UTC)
if(environment_time)
  set(ENV{SOURCE_DATE_EPOCH} ${environment_time})
else()
  unset(ENV{SOURCE_DATE_EPOCH})
endif()

set(sbom_packages "")
set(sbom_relations "")

# `linkage`: STATIC_LINK where its code is inside our files, DYNAMIC_LINK where it is found at run time.
function(sbom_add name version supplier licence linkage)
  string(REGEX REPLACE "[^A-Za-z0-9.-]" "-" id "SPDXRef-${name}")
  set(package "{\"SPDXID\": \"${id}\", \"name\": \"${name}\", \"versionInfo\": \"${version}\",
      \"supplier\": \"${supplier}\", \"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false,
      \"licenseConcluded\": \"${licence}\", \"licenseDeclared\": \"${licence}\", \"copyrightText\": \"NOASSERTION\"}")
  set(sbom_packages "${sbom_packages}${package},\n    " PARENT_SCOPE)
  set(relation "{\"spdxElementId\": \"SPDXRef-cnf-gpu\", \"relationshipType\": \"${linkage}\", \"relatedSpdxElement\": \"${id}\"}")
  set(sbom_relations "${sbom_relations},\n    ${relation}" PARENT_SCOPE)
endfunction()

set(debian "Organization: Debian")
sbom_add(fmt "${fmt_VERSION}" "${debian}" MIT STATIC_LINK)
sbom_add(nlohmann-json "${nlohmann_json_VERSION}" "${debian}" MIT STATIC_LINK)
sbom_add(CLI11 "${CLI11_VERSION}" "${debian}" BSD-3-Clause STATIC_LINK)
sbom_add(tomlplusplus "${tomlplusplus_VERSION}" "${debian}" MIT STATIC_LINK)
sbom_add(zlib "${ZLIB_VERSION_STRING}" "${debian}" Zlib DYNAMIC_LINK)
sbom_add(libstdc++ "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "${debian}"
  "GPL-3.0-or-later WITH GCC-exception-3.1" DYNAMIC_LINK)
sbom_add(openmp-runtime "${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}" "${debian}"
  "GPL-3.0-or-later WITH GCC-exception-3.1" DYNAMIC_LINK)
if(CNF_HAVE_CUDA)
  sbom_add(cuda-toolkit "${CUDAToolkit_VERSION}" "Organization: NVIDIA" LicenseRef-NVIDIA-CUDA-EULA DYNAMIC_LINK)
  set(sbom_other_licences "\n  \"hasExtractedLicensingInfos\": [{\"licenseId\": \"LicenseRef-NVIDIA-CUDA-EULA\",
    \"extractedText\": \"https://docs.nvidia.com/cuda/eula/\"}],")
endif()
string(UUID sbom_id NAMESPACE 6ba7b811-9dad-11d1-80b4-00c04fd430c8 TYPE SHA1
  NAME "cnf_gpu ${PROJECT_VERSION} ${sbom_packages}${sbom_created}")

file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/cnf_gpu.spdx.json @ONLY CONTENT [[{
  "spdxVersion": "SPDX-2.3",
  "dataLicense": "CC0-1.0",
  "SPDXID": "SPDXRef-DOCUMENT",
  "name": "cnf_gpu-@PROJECT_VERSION@",
  "documentNamespace": "urn:uuid:@sbom_id@",
  "creationInfo": {"created": "@sbom_created@", "creators": ["Tool: cnf_gpu-scripts/sbom.cmake"]},@sbom_other_licences@
  "packages": [
    @sbom_packages@{"SPDXID": "SPDXRef-cnf-gpu", "name": "cnf_gpu", "versionInfo": "@PROJECT_VERSION@",
      "supplier": "Organization: The cnf_gpu authors", "downloadLocation": "NOASSERTION", "filesAnalyzed": false,
      "licenseConcluded": "Apache-2.0", "licenseDeclared": "Apache-2.0", "copyrightText": "NOASSERTION"}
  ],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-cnf-gpu"}@sbom_relations@
  ]
}
]])
